import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Bus, ENV, LOGGER, Outbound, contextOf, recordEvent, runInContext } from '@mcp-router/platform';
import {
  AppError,
  type DiscoveryEvent,
  type DiscoverySource,
  type NewDiscoverySource,
  SYSTEM_PRINCIPAL,
  type SourceTest,
  discoveryChanged,
  sourcesChanged,
} from '@mcp-router/shared';
import type { Logger } from 'pino';
import { v7 as uuid } from 'uuid';
import { Keeper } from '../candidates/keeper';
import type { DiscoveryEnv } from '../config';
import { Leadership } from '../leadership';
import { SOURCES } from '.';
import type { Sighting, Sink, Source, SourceIo } from './source';
import { SourceRun } from './source-run';
import { SourcesStore } from './sources.store';

const TEST_MS = 30_000;
const RELOAD_MS = 30_000;
const EXAMPLES = 20;

/** The sources: kept by any replica, followed by the one that has the lead. */
@Injectable()
export class SourcesService implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly runs = new Map<string, { run: SourceRun; definition: string }>();
  private readonly stops: (() => void)[] = [];
  private reloading: Promise<void> = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly store: SourcesStore,
    private readonly keeper: Keeper,
    private readonly leadership: Leadership,
    private readonly outbound: Outbound,
    private readonly bus: Bus,
    @Inject(ENV) private readonly env: DiscoveryEnv,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    if (this.env.DISCOVER_CLIENT_CONFIGS)
      await this.store.addOnce({
        name: 'client-configs',
        type: 'files',
        settings: {},
        policy: 'manual',
        enabled: true,
      });
    this.stops.push(
      this.bus.listen(sourcesChanged, ({ sync }) => {
        this.reload();
        if (sync !== undefined) this.runs.get(sync)?.run.sync();
      }),
    );
    this.leadership.start(this.lead, this.resign);
  }

  async onApplicationShutdown(): Promise<void> {
    for (const stop of this.stops) stop();
    await this.leadership.stop(this.resign);
  }

  /** @throws AppError `invalid_request` for an unknown type or settings that do not fit it, `conflict` for a taken name */
  async add(source: NewDiscoverySource): Promise<DiscoverySource> {
    readSettings(source.type, source.settings);
    const added = await this.store.add(source);
    await this.bus.broadcast(sourcesChanged, {});
    recordEvent(this.bus, 'source.added', { subject: added.name, data: { type: added.type, policy: added.policy } });
    return added;
  }

  /** @throws AppError as `add`, and `precondition_failed` when `ifMatch` is not the version any more */
  async update(ref: string, changes: Partial<NewDiscoverySource>, ifMatch?: string): Promise<DiscoverySource> {
    const { id, type } = await this.store.get(ref);
    if (changes.settings) readSettings(type, changes.settings);
    const updated = await this.store.update(id, changes, ifMatch);
    await this.bus.broadcast(sourcesChanged, {});
    recordEvent(this.bus, 'source.changed', { subject: updated.name, data: { fields: Object.keys(changes) } });
    return updated;
  }

  async remove(ref: string): Promise<void> {
    const { id, name } = await this.store.get(ref);
    await this.store.remove(id);
    await this.bus.broadcast(sourcesChanged, {});
    recordEvent(this.bus, 'source.removed', { subject: name });
  }

  async sync(ref: string): Promise<DiscoverySource> {
    const source = await this.store.get(ref);
    if (!source.enabled)
      throw new AppError('conflict', `The source "${source.name}" is disabled`, { hint: 'Enable it first' });
    await this.bus.broadcast(sourcesChanged, { sync: source.id });
    return source;
  }

  /** Looks at a source without keeping anything. */
  async test(ref: string): Promise<SourceTest> {
    const row = await this.store.get(ref);
    const { source, settings } = readSettings(row.type, row.settings);
    const found = new Map<string, Sighting>();
    const put = async (sightings: Sighting[]) => sightings.forEach((sighting) => found.set(sighting.key, sighting));
    const sink: Sink = {
      snapshot: put,
      replace: (_prefix, sightings) => put(sightings),
      upsert: (sighting) => put([sighting]),
      remove: async (key) => void found.delete(key),
    };
    const started = performance.now();
    const memory = { read: async () => ({}), write: async () => undefined };
    const error = await source
      .look(settings, { ...this.ioOf(row), memory, signal: AbortSignal.timeout(TEST_MS) }, sink)
      .then(() => null)
      .catch((reason: unknown) => (reason as Error).message.slice(0, 2000));
    const examples = [...found.values()].slice(0, EXAMPLES).map(({ key, name, endpoint }) => ({ key, name, endpoint }));
    return { ok: error === null, error, found: found.size, durationMs: performance.now() - started, examples };
  }

  private readonly lead = async (): Promise<void> => {
    await this.keeper.open();
    this.timer = setInterval(() => this.reload(), RELOAD_MS);
    this.reload();
    await this.reloading;
  };

  private readonly resign = async (): Promise<void> => {
    clearInterval(this.timer);
    const runs = [...this.runs.values()];
    this.runs.clear();
    await this.keeper.close();
    await Promise.all(runs.map(({ run }) => run.stop()));
  };

  private reload(): void {
    this.reloading = this.reloading.then(async () => {
      if (!this.leadership.isLeader) return;
      const context = contextOf({ principal: SYSTEM_PRINCIPAL, caller: this.bus.instanceId });
      await runInContext(context, () => this.follow()).catch((error: unknown) =>
        this.log.warn({ err: error }, 'the sources cannot be read'),
      );
    });
  }

  /** Starts, restarts and stops runs until they are those of the enabled sources. */
  private async follow(): Promise<void> {
    const sources = await this.store.all();
    await this.keeper.setSources(sources);
    const wanted = new Map(sources.filter(({ enabled }) => enabled).map((source) => [source.id, source]));
    for (const [id, { run, definition }] of this.runs) {
      const source = wanted.get(id);
      if (source && JSON.stringify(source.settings) === definition) continue;
      this.runs.delete(id);
      await run.stop();
    }
    for (const source of wanted.values()) if (!this.runs.has(source.id)) await this.start(source);
  }

  private async start(row: DiscoverySource): Promise<void> {
    try {
      const { source, settings } = readSettings(row.type, row.settings);
      let wasAway = row.state === 'unreachable';
      let written: Promise<void> = Promise.resolve();
      const run = new SourceRun({
        source,
        settings,
        io: this.ioOf(row),
        sink: this.keeper.sinkOf(row.id),
        onState: (state, error) => {
          // One after the other: what was said last stands.
          written = written
            .then(() => this.store.setState(row.id, state, error))
            .catch((cause: unknown) => this.log.warn({ err: cause }, 'the state of a source is not written down'));
          if (state === 'unreachable' && !wasAway) this.tell('sourceFailed', row, error);
          if (state === 'ok' && wasAway) this.tell('sourceRecovered', row, null);
          if (state !== 'syncing') wasAway = state === 'unreachable';
        },
      });
      this.runs.set(row.id, { run, definition: JSON.stringify(row.settings) });
    } catch (error) {
      await this.store.setState(row.id, 'unreachable', AppError.from(error).detail);
    }
  }

  private ioOf({ id, name }: DiscoverySource): Omit<SourceIo, 'signal'> {
    return {
      outbound: this.outbound,
      memory: { read: () => this.store.readMemory(id), write: (memory) => this.store.writeMemory(id, memory) },
      warn: (message, details) => this.log.warn({ source: name, ...details }, message),
    };
  }

  private tell(type: DiscoveryEvent['type'], { name }: DiscoverySource, detail: string | null): void {
    const event = { id: uuid(), at: new Date().toISOString(), type, source: name };
    this.bus.record(discoveryChanged, detail === null ? event : { ...event, detail });
  }
}

function readSettings(
  type: string,
  given: Record<string, unknown>,
): { source: Source; settings: Record<string, unknown> } {
  const source = SOURCES.find((one) => one.type === type);
  if (!source)
    throw new AppError('invalid_request', `There is no source type "${type}"`, {
      hint: `Use one of ${SOURCES.map((one) => one.type).join(', ')}`,
      errors: [{ pointer: '/type', detail: 'unknown' }],
    });
  const parsed = source.settings.safeParse(given);
  if (parsed.success) return { source, settings: parsed.data as Record<string, unknown> };
  throw new AppError('invalid_request', `The settings do not fit the type "${type}"`, {
    errors: parsed.error.issues.map(({ path, message }) => ({
      pointer: `/settings/${path.join('/')}`,
      detail: message,
    })),
  });
}
