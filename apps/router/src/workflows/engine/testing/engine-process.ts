import { AppError, SYSTEM_PRINCIPAL } from '@mcp-router/shared';
import type { DataSource } from 'typeorm';
import { v4 } from 'uuid';
import type { Json, JsonObject } from '../../definition/json';
import { parseWorkflow } from '../../definition/parse';
import { Performer } from '../../functions/performer';
import { WORST } from '../../hints';
import type { EventBoard } from '../../schedules/event-board';
import { engineOver, lonelyBus, routerEnv, SILENT, WorkflowStores } from '../../testing/engine-parts';
import type { VersionStore } from '../../version-store';
import type { WorkflowsService } from '../../workflows.service';
import { Committer, type Batch } from '../committer';
import type { Effect, EffectContext } from '../host';
import type { RunEngine } from '../run-engine';
import type { RunRow, RunStore } from '../run-store';
import type { Waker } from '../waker';

export interface EngineOptions {
  /** What a call of a tool gives. Events and other workflows are the engine's own. */
  call: (effect: Effect & { kind: 'call' }, context: EffectContext) => Json | Promise<Json>;
  isRepeatable?: (effect: Effect & { kind: 'call' }) => boolean;
  leaseMs?: number;
  sweepMs?: number;
  /** Asked before a batch is written, and told after: `false` ends the process there and then, a promise stalls it. */
  mayWrite?: (batch: Batch) => boolean | Promise<boolean>;
  wasWritten?: (batch: Batch) => boolean;
  waker?: Waker;
  /** Definitions that were read before: they never change, so that a process that begins need not read them again. */
  versions?: VersionStore;
}

/** Tools, catalogue and upstreams: what calls do is said by `call`. */
const NONE = undefined as never;
const NOTHING = new Promise<never>(() => undefined);

/**
 * An engine as one router process has it, on a real database. `crash` is what SIGKILL does to it: nothing that it still
 * computes reaches the database or the world.
 */
export class EngineProcess {
  readonly owner = `engine-${v4()}`;
  readonly engine: RunEngine;
  readonly store: RunStore;
  readonly versions: VersionStore;
  readonly board: EventBoard;
  isDead = false;
  private hasDied: (() => void) | undefined;
  /** Resolves when `mayWrite` or `wasWritten` said so. */
  readonly died = new Promise<void>((resolve) => (this.hasDied = resolve));

  constructor(
    private readonly database: DataSource,
    options: EngineOptions,
  ) {
    const { leaseMs = 60_000, sweepMs = 60_000, waker } = options;
    const alive = async <T>(work: Promise<T>): Promise<T> => {
      const value = await work;
      return this.isDead ? NOTHING : value;
    };
    const committer = new Committer(database, SILENT);
    const add = committer.add.bind(committer);
    committer.add = async (batch) => {
      if (this.isDead) return NOTHING;
      if (options.mayWrite && !(await options.mayWrite(batch))) return this.die();
      await alive(add(batch));
      if (options.wasWritten?.(batch) === false) return this.die();
    };
    // More often than a router may be told to.
    const env = { ...routerEnv(), WORKFLOW_LEASE_MS: leaseMs, WORKFLOW_SWEEP_MS: sweepMs };
    const stores = new WorkflowStores(database, env, options.versions);
    this.store = stores.runs;
    this.versions = stores.versions;
    const performer = new Performer(NONE, NONE, this.admitting() as WorkflowsService, NONE, env);
    const others = performer.perform.bind(performer);
    performer.isRepeatable = (effect) => effect.kind !== 'call' || (options.isRepeatable?.(effect) ?? true);
    performer.perform = async (effect, context, run) => {
      if (this.isDead) return NOTHING;
      return alive(
        effect.kind === 'call'
          ? Promise.resolve().then(() => options.call(effect, context))
          : others(effect, context, run),
      );
    };
    const { engine, board } = engineOver(stores, {
      committer,
      performer,
      bus: lonelyBus(this.owner),
      ...(waker && { waker }),
    });
    this.engine = engine;
    this.board = board;
  }

  /** Lets every published version be run. */
  private admitting(): Pick<WorkflowsService, 'admit'> {
    return {
      admit: async ({ namespace, name, version }, principal) => {
        const found = await this.versions.find(namespace, name, version);
        if (!found) throw new AppError('not_found', `There is no ${namespace}/${name}`);
        return { versionId: found.id, namespace, name, version: found.version, principal };
      },
    };
  }

  /** Begins with what is due. */
  boot(): Promise<void> {
    return this.engine.onApplicationBootstrap();
  }

  /** @returns the id of the published version */
  async publish(definition: JsonObject): Promise<string> {
    const { workflow, faults } = parseWorkflow(definition);
    if (!workflow || faults.length > 0) throw new Error(JSON.stringify(faults));
    const { row } = await this.versions.save(workflow, {});
    await this.versions.publish(row.id, { tools: {}, hints: WORST }, () => Promise.resolve());
    return row.id;
  }

  /** As `publish`, for many new ones in one statement. */
  async publishAll(definitions: readonly JsonObject[]): Promise<string[]> {
    const rows = definitions.map((definition) => ({ id: v4(), definition, ...(definition['document'] as JsonObject) }));
    await this.database.query(
      `INSERT INTO router.workflow_version (id, namespace, name, version, status, definition, tools, hints, published_at)
       SELECT id, namespace, name, version, 'published', definition, '{}', $2, now()
         FROM json_to_recordset($1) AS d (id uuid, namespace text, name text, version text, definition json)`,
      [JSON.stringify(rows), JSON.stringify(WORST)],
    );
    return rows.map(({ id }) => id);
  }

  async start(versionId: string, input: Json, idempotencyKey?: string): Promise<RunRow> {
    const { document } = await this.versions.workflow(versionId);
    const { row } = await this.engine.start({
      versionId,
      namespace: document.namespace,
      name: document.name,
      version: document.version,
      principal: SYSTEM_PRINCIPAL,
      input,
      idempotencyKey,
    });
    return row;
  }

  /** As SIGKILL: what is in flight ends nowhere. Its runs stay its own until the leases are over. */
  async crash(): Promise<void> {
    this.isDead = true;
    await this.engine.beforeApplicationShutdown();
  }

  private die(): Promise<never> {
    this.isDead = true;
    this.hasDied?.();
    return NOTHING;
  }
}

/**
 * Lets the leases of all processes but one run out at once. Not of runs that a statement of a dead process is still about:
 * two statements that wait for each other's rows would end one of them.
 */
export async function expireLeases(database: DataSource, living: string): Promise<void> {
  await database.query(
    `UPDATE router.workflow_run SET lease_until = now() - interval '1 second'
      WHERE id IN (SELECT id FROM router.workflow_run
                    WHERE owner <> $1 AND ended_at IS NULL AND lease_until > now() FOR UPDATE SKIP LOCKED)`,
    [living],
  );
}
