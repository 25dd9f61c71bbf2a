import { createHash } from 'node:crypto';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Bus, contextOf, LOGGER, readPages, recordEvent, runInContext } from '@mcp-router/platform';
import {
  AppError,
  catalogueChanged,
  listServers,
  listTools,
  SYSTEM_PRINCIPAL,
  type readToxicFlow,
  type SurfaceFinding,
  type SurfaceReport,
  type ToolDefinition,
} from '@mcp-router/shared';
import type { Logger } from 'pino';
import { DataSource, type EntityManager } from 'typeorm';
import type { z } from 'zod';
import { Engine } from '../engine/engine';
import type { SurfaceResult, SurfaceScan } from '../engine/tasks';
import { FindingsStore, type SeenFinding } from '../findings/findings.store';
import { PinsService, type Suspicion } from '../pins/pins.service';
import { RULES } from '../rules';
import { ruleFacts } from '../rules/catalogue';
import type { SurfaceTool } from './catalogue';

const SETTLE_MS = 200;
const RETRY_MS = 2_000;
const MAX_RETRY_MS = 60_000;
const SCAN_TIMEOUT_MS = 30_000;
/** Of one scan; all of them are in the list of findings. */
const MAX_EVENTS = 50;
/** Changes when a release brings other rules, so that everything is judged anew. */
const RULES_VERSION = createHash('sha256')
  .update(RULES.map(({ id, explanation }) => id + explanation).join())
  .digest('hex');

/** Keeps the findings and pins of the live catalogue up to date: at the start, and whenever the router says it changed. */
@Injectable()
export class SurfaceService implements OnApplicationBootstrap, OnApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;
  private readonly ends: (() => void)[] = [];
  private failures = 0;
  private stopped = false;
  private running = Promise.resolve();

  constructor(
    private readonly bus: Bus,
    private readonly engine: Engine,
    private readonly findings: FindingsStore,
    private readonly pins: PinsService,
    private readonly database: DataSource,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.ends.push(this.bus.listen(catalogueChanged, () => this.soon(SETTLE_MS)));
    this.ends.push(this.bus.onResume(() => this.soon(SETTLE_MS)));
    this.soon(SETTLE_MS);
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    for (const end of this.ends) end();
    await this.running.catch(() => undefined);
  }

  private soon(delayMs: number): void {
    if (this.stopped) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.running = this.running.then(() => this.attempt());
    }, delayMs);
  }

  private async attempt(): Promise<void> {
    try {
      await this.scanAll();
      this.failures = 0;
    } catch (error) {
      const delayMs = Math.min(RETRY_MS * 2 ** this.failures++, MAX_RETRY_MS);
      // A router that is not up yet is ordinary at the start.
      const level = this.failures > 3 ? 'warn' : 'debug';
      this.logger[level]({ err: error, delayMs }, 'the catalogue could not be scanned');
      this.soon(delayMs);
    }
  }

  /** Scans the whole catalogue. Of several replicas that hear of a change one does the work, the others find it done. */
  async scanAll(force = false): Promise<SurfaceScan | null> {
    const { tools, servers, untrusted } = await this.live();
    const hash = createHash('sha256')
      .update(RULES_VERSION)
      .update(JSON.stringify([tools, servers, [...untrusted]]))
      .digest('hex');
    let opened: SeenFinding[] = [];
    const { scan, judged } = await this.database.transaction(async (db) => {
      await db.query(`SELECT pg_advisory_xact_lock(hashtext('analyzer.scan'))`);
      const [last]: { hash: string }[] = await db.query(`SELECT hash FROM analyzer.scan_state WHERE key = 'catalogue'`);
      if (last?.hash === hash && !force) return { scan: null, judged: false };
      const done = await this.scan(tools);
      opened = await this.store(done, tools, servers, db);
      const changed = await this.pins.compare(tools, db, (tool) =>
        untrusted.has(tool.server) ? suspicionsOf(tool, done) : undefined,
      );
      await db.query(
        `INSERT INTO analyzer.scan_state (key, hash) VALUES ('catalogue', $1)
         ON CONFLICT (key) DO UPDATE SET hash = EXCLUDED.hash, at = now()`,
        [hash],
      );
      return { scan: done, judged: changed };
    });
    if (judged) await this.pins.announce();
    for (const finding of opened.slice(0, MAX_EVENTS)) this.tell(finding);
    if (scan) this.logger.info({ tools: tools.length, findings: scan.findings.length }, 'scanned the catalogue');
    return scan;
  }

  /** All tools the router has, and all servers, also those that do not answer now; `untrusted` are to be scanned first. */
  private live(): Promise<{ tools: SurfaceTool[]; servers: string[]; untrusted: Set<string> }> {
    return runInContext(contextOf({ principal: SYSTEM_PRINCIPAL }), async () => {
      const tools = await this.liveTools();
      const servers: string[] = [];
      const untrusted = new Set<string>();
      for await (const page of readPages(this.bus, listServers, { limit: 500 }))
        for (const { slug, scanBeforeUse } of page) {
          servers.push(slug);
          if (scanBeforeUse) untrusted.add(slug);
        }
      return { tools, servers: servers.sort(), untrusted };
    });
  }

  /** The tools that the present caller may use. */
  private async liveTools(): Promise<SurfaceTool[]> {
    const tools: SurfaceTool[] = [];
    for await (const page of readPages(this.bus, listTools, { limit: 500 }))
      for (const { server, originalName, title, description, inputSchema, outputSchema, annotations } of page)
        tools.push({ server, name: originalName, title, description, inputSchema, outputSchema, annotations });
    return tools;
  }

  /** What the caller's tools can do together, judged now. */
  async toxicFlow(): Promise<z.output<typeof readToxicFlow.output>> {
    const tools = await this.liveTools();
    const { toxicFlow, catalogue } = await this.engine.run('surface', { tools }, { timeoutMs: SCAN_TIMEOUT_MS });
    const told = catalogue.find(({ ruleId }) => ruleId === 'surface/toxic-flow');
    return { toxicFlow: toFlow(toxicFlow), message: told?.message ?? null };
  }

  /** When the catalogue as a whole cannot be scanned, each server is tried alone: one hostile server blinds us to no other. */
  private async scan(tools: SurfaceTool[]): Promise<SurfaceScan> {
    try {
      return await this.engine.run('surface', { tools }, { timeoutMs: SCAN_TIMEOUT_MS });
    } catch (error) {
      this.logger.warn({ err: error }, 'the catalogue could not be scanned as a whole');
    }
    const whole: SurfaceScan = { findings: [], catalogue: [], toxicFlow: null };
    for (const server of new Set(tools.map((tool) => tool.server))) {
      const own = tools.filter((tool) => tool.server === server);
      const scan = await this.engine
        .run('surface', { tools: own }, { timeoutMs: SCAN_TIMEOUT_MS })
        .catch((error: unknown) => ({
          findings: [unreadable(server, (error as Error).message)],
        }));
      whole.findings.push(...scan.findings);
    }
    return whole;
  }

  private async store(
    scan: SurfaceScan,
    tools: readonly SurfaceTool[],
    servers: readonly string[],
    db: EntityManager,
  ): Promise<SeenFinding[]> {
    const opened: SeenFinding[] = [];
    for (const server of new Set(tools.map((tool) => tool.server)))
      opened.push(
        ...(await this.findings.replace(
          `server:${server}`,
          scan.findings.filter((finding) => finding.server === server).map(toSeen),
          db,
        )),
      );
    const whole = scan.catalogue.map(({ ruleId, message, evidence }): SeenFinding => {
      const { level, confidence } = ruleFacts(ruleId);
      return { ruleId, level, confidence, message, evidence, subject: 'catalogue', fingerprint: ruleId };
    });
    opened.push(...(await this.findings.replace('catalogue', whole, db)));
    await this.findings.closeScopes(
      'server:',
      servers.map((server) => `server:${server}`),
      db,
    );
    return opened;
  }

  private tell({ server, tool, ruleId, level, message, fingerprint }: SeenFinding): void {
    recordEvent(this.bus, 'finding.opened', {
      ...(server !== undefined && { server }),
      ...(tool !== undefined && { subject: tool }),
      data: { ruleId, level, message, fingerprint },
    });
  }

  /** Scans and stores; the report holds what concerns one server. */
  async scanServer(server: string): Promise<SurfaceReport> {
    const scan = await this.scanAll(true);
    const { servers } = await this.live();
    if (!servers.includes(server)) throw new AppError('server_not_found', `There is no server "${server}"`);
    return toReport(scan?.findings.filter((finding) => finding.server === server) ?? [], scan?.toxicFlow ?? null);
  }

  async scanGiven(tools: readonly ToolDefinition[]): Promise<SurfaceReport> {
    const { findings, toxicFlow } = await this.engine.run(
      'surface',
      { tools: [...tools] },
      { timeoutMs: SCAN_TIMEOUT_MS },
    );
    return toReport(findings, toxicFlow);
  }
}

const unreadable = (server: string, why: string): SurfaceResult => ({
  ruleId: 'surface/unreadable',
  server,
  tool: '',
  pointer: '',
  message: `the definitions of this server could not be scanned: ${why}`,
  fingerprint: `unreadable:${server}`,
});

/** What speaks against letting a tool be used that nobody has looked at; a server that cannot be read is suspect as a whole. */
function suspicionsOf({ server, name }: SurfaceTool, { findings }: SurfaceScan): Suspicion[] {
  return findings
    .filter((finding) => finding.server === server && (finding.tool === name || finding.tool === ''))
    .flatMap(({ ruleId, pointer, message }) => {
      const { level, title } = ruleFacts(ruleId);
      return level === 'note' ? [] : [{ pointer, why: `${title}: ${message}` }];
    });
}

function toSeen({ ruleId, message, server, tool, pointer, evidence, fingerprint }: SurfaceResult): SeenFinding {
  const { level, confidence } = ruleFacts(ruleId);
  return { ruleId, level, confidence, message, subject: 'tool', server, tool, pointer, evidence, fingerprint };
}

function toReport(findings: readonly SurfaceResult[], toxicFlow: SurfaceScan['toxicFlow']): SurfaceReport {
  const items = findings.map(({ ruleId, message, server, tool, pointer, evidence, fingerprint }): SurfaceFinding => {
    const { level, confidence } = ruleFacts(ruleId);
    return { ruleId, level, confidence, message, server, tool, pointer, evidence: evidence ?? null, fingerprint };
  });
  const levels = new Set(items.map(({ level }) => level));
  return {
    verdict: levels.has('error') ? 'dangerous' : levels.has('warning') ? 'suspicious' : 'clean',
    findings: items,
    toxicFlow: toFlow(toxicFlow),
  };
}

function toFlow(flow: SurfaceScan['toxicFlow']): SurfaceReport['toxicFlow'] {
  return (
    flow && {
      servers: flow.servers,
      tools: {
        untrustedInput: flow.tools['untrusted input'],
        privateData: flow.tools['private data'],
        wayOut: flow.tools['way out'],
      },
    }
  );
}
