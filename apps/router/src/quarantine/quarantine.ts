import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { Bus, isFeatureEnabled, LOGGER, onFlagsApplied } from '@mcp-router/platform';
import { AppError, heldToolsChanged, listHeldTools, type HeldTool, type JudgedTool } from '@mcp-router/shared';
import type { Logger } from 'pino';
import { DataSource } from 'typeorm';
import { Catalogue } from '../catalogue/catalogue';
import { UpstreamRegistry } from '../upstreams/upstream-registry';
import type { Cancellation } from '../upstreams/cancellation';
import { toolKey, Verdicts, type Hold } from './verdicts';

const RETRY_MS = 500;
const MAX_RETRY_MS = 15_000;
/** How long a call waits for a definition to be judged; that takes well under a second while an analyzer runs. */
const PATIENCE_MS = 3_000;

interface Answer {
  judged: JudgedTool[];
  items: HeldTool[];
}

/**
 * Holds back tools: with the flag `TOOL_QUARANTINE` those of every server whose definition changed dangerously, and
 * always those of servers with `scanBeforeUse` that were neither found clean nor approved.
 *
 * A definition that differs from the judged one is held until the analyzer has judged it, so none is seen or called in
 * between. The last verdicts are kept in the database: without an analyzer everything that was judged goes on, and only
 * what changed since is held. The parts of the router itself are never held.
 */
@Injectable()
export class Quarantine implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  private readonly holds = new Map<string, Hold>();
  private verdicts = new Verdicts([], []);
  private known = '';
  private pulling = Promise.resolve();
  private retry: NodeJS.Timeout | undefined;
  private failures = 0;
  private readonly waiting = new Set<() => void>();
  private readonly stops: (() => void)[] = [];

  constructor(
    private readonly catalogue: Catalogue,
    private readonly upstreams: UpstreamRegistry,
    private readonly bus: Bus,
    private readonly database: DataSource,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.stops.push(
      catalogue.onChange((slug) => void this.judge(slug)),
      onFlagsApplied(() => this.judgeAll()),
    );
  }

  /** What was known last, before any server is started. */
  async onModuleInit(): Promise<void> {
    const [row] = await this.database.query<{ verdicts: Answer }[]>(`SELECT verdicts FROM router.quarantine`);
    if (row) this.take(row.verdicts);
  }

  onApplicationBootstrap(): void {
    this.stops.push(
      this.bus.listen(heldToolsChanged, () => this.pull()),
      this.bus.onResume(() => this.pull()),
    );
    this.pull();
  }

  onApplicationShutdown(): void {
    clearTimeout(this.retry);
    this.retry = undefined;
    for (const stop of this.stops) stop();
  }

  /** Whether a tool is not to be shown. One look into a map that is empty as long as nothing is held. */
  isHeld(server: string, name: string): boolean {
    return this.holds.size > 0 && this.holds.has(toolKey(server, name));
  }

  /** The tools of a server that are held, by their names there. */
  heldOf(server: string): string[] {
    const prefix = toolKey(server, '');
    return [...this.holds.keys()].filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
  }

  /**
   * Lets a call pass or says why not; a definition that is just being judged is waited for.
   *
   * @param isListed whether its server lists the tool now
   * @throws AppError `tool_held`
   */
  async admit(server: string, name: string, isListed: boolean, signal: Cancellation): Promise<void> {
    let hold = this.holdOf(server, name, isListed);
    for (const until = Date.now() + PATIENCE_MS; hold?.kind === 'review' && Date.now() < until && !signal.aborted;) {
      await this.nextVerdicts(until - Date.now());
      hold = this.holdOf(server, name, isListed && this.catalogue.findAt(server, 'tools', name) !== undefined);
    }
    if (!hold) return;
    const pin = `/api/v1/tool-pins/${server}/${encodeURIComponent(name)}`;
    throw new AppError('tool_held', `The tool "${name.slice(0, 128)}" of "${server}" is held: ${hold.reason}`, {
      hint: `An administrator sees what it is about with GET ${pin} and lets it go with POST ${pin}/approve`,
    });
  }

  /** Whether a call has to be admitted; false for nearly all. */
  concerns(server: string, name: string, isListed: boolean): boolean {
    return isListed ? this.isHeld(server, name) : this.holdOf(server, name, false) !== undefined;
  }

  private holdOf(server: string, name: string, isListed: boolean): Hold | undefined {
    if (isListed) return this.holds.get(toolKey(server, name));
    if (!this.watches(server)) return undefined;
    const isUntrusted = this.upstreams.supervisedBy(server)?.spec.scanBeforeUse === true;
    return (
      this.verdicts.ofName(server, name) ??
      (isUntrusted ? { kind: 'decision', reason: 'its server does not list it, so it cannot be scanned' } : undefined)
    );
  }

  private watches(server: string): boolean {
    const upstream = this.upstreams.supervisedBy(server);
    return upstream !== undefined && (upstream.spec.scanBeforeUse || isFeatureEnabled('TOOL_QUARANTINE'));
  }

  /** Judges the tools of one server by what is known. @returns whether others are held than before */
  private judge(server: string): boolean {
    const isTrusted = this.upstreams.supervisedBy(server)?.spec.scanBeforeUse !== true;
    const holds = new Map<string, Hold>();
    if (this.watches(server))
      for (const item of this.catalogue.itemsOf(server, 'tools')) {
        const hold = this.verdicts.of(item, isTrusted);
        if (hold) holds.set(toolKey(server, item.name), hold);
      }
    const prefix = toolKey(server, '');
    const before = [...this.holds.keys()].filter((key) => key.startsWith(prefix));
    for (const key of before) this.holds.delete(key);
    for (const [key, hold] of holds) this.holds.set(key, hold);
    return before.length !== holds.size || before.some((key) => !holds.has(key));
  }

  private judgeAll(): void {
    for (const slug of this.catalogue.slugs) if (this.judge(slug)) this.catalogue.touch(slug, ['tools']);
    for (const wake of this.waiting) wake();
  }

  private nextVerdicts(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, withinMs);
      this.waiting.add(done);
    });
  }

  private take({ judged, items }: Answer): void {
    this.known = JSON.stringify({ judged, items });
    this.verdicts = new Verdicts(judged, items);
    this.judgeAll();
  }

  /** One after the other, so that an older answer never comes last. */
  private pull(): void {
    clearTimeout(this.retry);
    this.pulling = this.pulling.then(async () => {
      try {
        const answer = await this.bus.call(listHeldTools, {});
        this.failures = 0;
        if (JSON.stringify({ judged: answer.judged, items: answer.items }) === this.known) return;
        this.take(answer);
        await this.database.query(
          `INSERT INTO router.quarantine (verdicts) VALUES ($1)
           ON CONFLICT (only_row) DO UPDATE SET verdicts = EXCLUDED.verdicts, at = now()`,
          [this.known],
        );
      } catch (error) {
        const delayMs = Math.min(RETRY_MS * 2 ** this.failures++, MAX_RETRY_MS);
        this.logger.debug({ err: error, delayMs }, 'the analyzer could not be asked which tools are held');
        clearTimeout(this.retry);
        this.retry = setTimeout(() => this.pull(), delayMs).unref();
      }
    });
  }
}
