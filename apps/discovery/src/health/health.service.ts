import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Bus, ENV } from '@mcp-router/platform';
import {
  AppError,
  type HealthSample,
  type HealthState,
  type Page,
  type ProbeError,
  type ServerHealth,
  type ServerProbe,
  decodeCursor,
  startAfter,
  discoveryChanged,
  probeServer,
  toPage,
} from '@mcp-router/shared';
import { v7 as uuid } from 'uuid';
import type { DiscoveryEnv } from '../config';
import { HEALTH_RULES, type Health, type HealthRules, observe } from './health';
import { HealthStore } from './health.store';

/** A probe is tried so often before it counts as failed: one lost packet is not an outage. */
const TRIES = 3;
const PAUSE_BETWEEN_TRIES_MS = 250;

/** Failed calls are noted in the history this often at most. */
const FAILURE_SAMPLE_MS = 5_000;

/** Calls of a few seconds taken together. */
export interface Traffic {
  ok: number;
  failed: number;
  /** Mean time that the server took. */
  latencyMs?: number | undefined;
  error?: ProbeError | undefined;
}

/** The end of the ids, for the first page of a list that goes down. */
const NEWEST = '9223372036854775807';

/** Judges the health of registered servers, from probes that the router makes and from the calls that pass through it. */
@Injectable()
export class HealthService implements OnApplicationShutdown {
  private readonly rules: HealthRules;
  private readonly stopping = new AbortController();
  /** When traffic was last noted in the history, by server. */
  private readonly sampled = new Map<string, { at: number; ok: boolean }>();

  constructor(
    private readonly bus: Bus,
    private readonly store: HealthStore,
    @Inject(ENV) private readonly env: DiscoveryEnv,
  ) {
    this.rules = { ...HEALTH_RULES, intervalMs: env.PROBE_INTERVAL_SECONDS * 1000 };
  }

  onApplicationShutdown(): void {
    this.stopping.abort();
  }

  /** Probes a server now and enters the result; nothing is entered when the router cannot be asked. */
  async check(server: string): Promise<void> {
    const probe = await this.probe(server);
    if (!probe) return;
    const at = Date.now();
    const { ok, state, error, ...seen } = probe;
    const isAsleep = state === 'disabled' || state === 'stopped';
    if (isAsleep) {
      // Nothing is known of a server that is not running, and probing does not wake it up.
      const rest = (health: Health) => ({ ...health, nextProbeAt: at + this.rules.intervalMs });
      await this.store.apply(server, { routerState: state }, rest);
      return;
    }
    const facts = ok ? { ...seen, routerState: state, error: null } : { routerState: state, error };
    const next = (health: Health) => observe(health, { at, ok, via: 'probe' }, this.rules, Math.random());
    this.tell(server, await this.store.apply(server, facts, next, { at, via: 'probe', ok }), error?.detail);
  }

  /** Calls went through, or failed because the server did not answer: stands in for a probe, or brings the next one forward. */
  async noteTraffic(server: string, { ok, failed, latencyMs, error }: Traffic): Promise<void> {
    const at = Date.now();
    const isOk = failed === 0 && ok > 0;
    const next = (health: Health) => observe(health, { at, ok: isOk, via: 'traffic' }, this.rules, Math.random());
    const sample = this.isWorthASample(server, isOk, at)
      ? { at, via: 'traffic' as const, ok: isOk, latencyMs, error }
      : undefined;
    this.tell(server, await this.store.apply(server, {}, next, sample), error?.detail);
  }

  /** Where calls stand in for probes the history has as many lines as it would have of probes, and those of failures. */
  private isWorthASample(server: string, ok: boolean, at: number): boolean {
    const last = this.sampled.get(server);
    const wait = ok ? this.rules.intervalMs : FAILURE_SAMPLE_MS;
    if (last?.ok === ok && at - last.at < wait) return false;
    this.sampled.set(server, { at, ok });
    return true;
  }

  async get(server: string): Promise<ServerHealth> {
    const health = await this.store.get(server);
    if (!health) throw new AppError('server_not_found', `There is no server "${server}"`);
    return health;
  }

  async list(cursor: string | undefined, limit: number, state: HealthState | undefined): Promise<Page<ServerHealth>> {
    const rows = await this.store.list(startAfter(cursor), limit + 1, state);
    return toPage(rows, limit, ({ server }) => server);
  }

  async samples(server: string, cursor: string | undefined, limit: number): Promise<Page<HealthSample>> {
    const { server: slug } = await this.get(server);
    const before = cursor === undefined ? NEWEST : decodeCursor(cursor, /^\d{1,19}$/);
    const { items, nextCursor } = toPage(await this.store.samples(slug, before, limit + 1), limit, ({ id }) => id);
    return { items: items.map(({ id: _, ...sample }) => sample), nextCursor };
  }

  private async probe(server: string): Promise<ServerProbe | undefined> {
    let last: ServerProbe | undefined;
    for (let attempt = 1; attempt <= TRIES; attempt++) {
      try {
        last = await this.bus.call(probeServer, { server, timeoutMs: this.env.PROBE_TIMEOUT_MS });
      } catch (error) {
        const { code } = AppError.from(error);
        if (code !== 'deadline_exceeded' && code !== 'instance_lost') return undefined;
      }
      if (last?.ok || last?.state === 'disabled' || last?.state === 'stopped') return last;
      if (attempt < TRIES) await this.pause();
    }
    return last;
  }

  /** Ends early when the service stops. */
  private async pause(): Promise<void> {
    await delay(PAUSE_BETWEEN_TRIES_MS, undefined, { signal: this.stopping.signal }).catch(() => undefined);
  }

  private tell(server: string, change: { before: Health; after: Health } | undefined, detail?: string): void {
    if (!change || change.before.state === change.after.state) return;
    this.bus.record(discoveryChanged, {
      id: uuid(),
      at: new Date().toISOString(),
      type: 'healthChanged',
      server,
      from: change.before.state,
      to: change.after.state,
      ...(detail === undefined ? {} : { detail }),
    });
  }
}
