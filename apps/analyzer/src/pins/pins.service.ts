import { Injectable } from '@nestjs/common';
import { Bus, currentContext, definitionHash, recordEvent } from '@mcp-router/platform';
import {
  AppError,
  definitionOf,
  heldToolsChanged,
  type DefinitionDiff,
  type ToolDefinition,
  type ToolPin,
} from '@mcp-router/shared';
import { DataSource, type EntityManager } from 'typeorm';
import { Engine } from '../engine/engine';
import type { DiffResult } from '../engine/tasks';
import type { SurfaceTool } from '../surface/catalogue';
import { renderDiff } from '../surface/definition-diff';
import { keyOf, PinsStore, withoutDefinitions, type StoredPin } from './pins.store';

const DIFF_TIMEOUT_MS = 10_000;

/** What a scan holds against a tool. */
export interface Suspicion {
  pointer: string;
  why: string;
}

/** Every tool's definition is pinned when it is first seen; what a server makes of it later is judged against the pin. */
@Injectable()
export class PinsService {
  private revision = 0;

  constructor(
    private readonly pins: PinsStore,
    private readonly engine: Engine,
    private readonly bus: Bus,
    private readonly database: DataSource,
  ) {}

  /**
   * Compares the live definitions with their pins and moves the pins on.
   *
   * @param suspicions what is held against a tool of a server whose tools are not trusted at first sight; undefined for others
   * @returns whether something was judged that had not been
   */
  async compare(
    tools: readonly SurfaceTool[],
    db: EntityManager,
    suspicions: (tool: SurfaceTool) => readonly Suspicion[] | undefined = () => undefined,
  ): Promise<boolean> {
    const known = new Map(
      (await this.pins.ofServers([...new Set(tools.map(({ server }) => server))], db)).map((pin) => [
        `${pin.server}\n${pin.tool}`,
        pin,
      ]),
    );
    let judged = false;
    const unchanged: { server: string; tool: string }[] = [];
    for (const tool of tools) {
      const pin = known.get(`${tool.server}\n${keyOf(tool.name)}`);
      const hash = definitionHash(definitionOf(tool));
      if (pin?.currentHash === hash) {
        unchanged.push(pin);
        continue;
      }
      const next = pin?.approvedHash
        ? await this.moved(pin, tool, hash, tools)
        : firstPin(tool, hash, suspicions(tool));
      judged = true;
      await this.pins.write(next, db);
      if (pin || next.state === 'held') {
        const { state, diff } = next;
        recordEvent(this.bus, state === 'held' ? 'tool.held' : 'tool.changed', {
          server: tool.server,
          subject: tool.name,
          data: { state, class: diff?.class ?? null },
        });
      }
    }
    await this.pins.touch(unchanged, db);
    return judged;
  }

  private async moved(
    pin: StoredPin,
    tool: SurfaceTool,
    hash: string,
    others: readonly SurfaceTool[],
  ): Promise<StoredPin> {
    const currentDefinition = definitionOf(tool);
    const now = new Date().toISOString();
    const base = { ...pin, currentHash: hash, currentDefinition, changedAt: now };
    if (hash === pin.approvedHash) return { ...base, state: 'approved', diff: null };
    const diff = await this.diff(pin, tool, others);
    if (diff.class === 'cosmetic')
      return {
        ...base,
        state: 'approved',
        approvedHash: hash,
        approvedDefinition: currentDefinition,
        approvedBy: 'cosmetic change',
        approvedAt: now,
        diff,
      };
    return { ...base, state: diff.class === 'dangerous' ? 'held' : 'changed', diff };
  }

  private async diff(pin: StoredPin, tool: SurfaceTool, others: readonly SurfaceTool[]): Promise<DefinitionDiff> {
    try {
      const input = {
        before: pin.approvedDefinition,
        after: definitionOf(tool),
        server: tool.server,
        name: tool.name,
        others: [...others],
      };
      return toDiff(await this.engine.run('diff', input, { timeoutMs: DIFF_TIMEOUT_MS }));
    } catch (error) {
      // A definition that cannot even be compared is not one to trust.
      const why = `the change could not be judged: ${(error as Error).message}`;
      const changes: DefinitionDiff['changes'] = [{ pointer: '', kind: 'changed', class: 'dangerous', why }];
      return { class: 'dangerous', changes, text: `dangerous  ${why}` };
    }
  }

  async decide(input: {
    server: string;
    tool: string;
    decision: 'approve' | 'reject';
    currentHash?: string | undefined;
  }): Promise<ToolPin> {
    const pin = await this.database.transaction(async (db) => {
      const found = await this.pins.get(input.server, input.tool, db);
      if (input.currentHash !== undefined && input.currentHash !== found.currentHash)
        throw new AppError('precondition_failed', `"${input.tool}" has changed again since it was looked at`, {
          hint: 'Read the pin again',
        });
      const by = currentContext()?.principal?.agent ?? 'system';
      const next: StoredPin =
        input.decision === 'reject'
          ? { ...found, state: 'rejected' }
          : {
              ...found,
              state: 'approved',
              approvedHash: found.currentHash,
              approvedDefinition: found.currentDefinition,
              approvedBy: by,
              approvedAt: new Date().toISOString(),
              diff: null,
            };
      await this.pins.write(next, db);
      return next;
    });
    await this.announce();
    recordEvent(this.bus, input.decision === 'approve' ? 'tool.approved' : 'tool.rejected', {
      server: input.server,
      subject: input.tool,
    });
    return withoutDefinitions(pin);
  }

  async announce(): Promise<void> {
    await this.bus.broadcast(heldToolsChanged, { revision: ++this.revision });
  }

  async compareGiven(before: ToolDefinition, after: ToolDefinition): Promise<DefinitionDiff> {
    const input = {
      before: definitionOf(before),
      after: definitionOf(after),
      server: after.server,
      name: after.name,
      others: [],
    };
    return toDiff(await this.engine.run('diff', input, { timeoutMs: DIFF_TIMEOUT_MS }));
  }
}

function toDiff(diff: DiffResult): DefinitionDiff {
  return { class: diff.class, changes: diff.changes, text: renderDiff(diff) };
}

/**
 * What a tool is when it is first seen is what is approved: trust on first use. That of a server which is to be scanned
 * first is approved when the scan has nothing against it; else it waits for a person.
 */
function firstPin(tool: SurfaceTool, hash: string, suspicions: readonly Suspicion[] | undefined): StoredPin {
  const definition = definitionOf(tool);
  const now = new Date().toISOString();
  const isHeld = suspicions !== undefined && suspicions.length > 0;
  return {
    server: tool.server,
    tool: keyOf(tool.name),
    state: isHeld ? 'held' : 'approved',
    approvedHash: isHeld ? '' : hash,
    approvedDefinition: isHeld ? {} : definition,
    approvedBy: isHeld ? 'nobody' : suspicions ? 'clean scan' : 'first use',
    approvedAt: now,
    currentHash: hash,
    currentDefinition: definition,
    diff: isHeld ? suspicionsAsDiff(suspicions) : null,
    changedAt: null,
    lastSeenAt: now,
  };
}

function suspicionsAsDiff(suspicions: readonly Suspicion[]): DefinitionDiff {
  const changes = suspicions
    .slice(0, 50)
    .map(({ pointer, why }) => ({ pointer, kind: 'added' as const, class: 'dangerous' as const, why }));
  return { class: 'dangerous', changes, text: renderDiff({ changes }) };
}
