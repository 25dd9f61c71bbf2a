import { Inject, Injectable } from '@nestjs/common';
import { Bus, ENV } from '@mcp-router/platform';
import {
  AppError,
  ExponentialHistogram,
  getServer,
  getServerHealth,
  UUID_KEY,
  type LatencyWindow,
  type Uptime,
  type UptimeWindow,
} from '@mcp-router/shared';
import type { MonitorEnv } from '../config';
import { EventsStore } from '../events/events.store';
import { MetricsStore } from '../metrics/metrics.store';
import { bucketOf, tierFor } from '../metrics/tier';
import { isKnown, uptimeIn, type HealthChange } from './uptime';

const DAY_MS = 86_400_000;
/** What the router waited for, of what was answered. */
const LATENCY = 'mcp_client_operation_duration_seconds';
const ANSWERED = { error_type: '' };
const MAX_SERIES = 5_000;
/** A window is read in at least as many steps as a week has hours. */
const STEPS = 168;

/** How well and how fast a server was, over windows that end now. */
@Injectable()
export class UptimeService {
  constructor(
    private readonly events: EventsStore,
    private readonly metrics: MetricsStore,
    private readonly bus: Bus,
    @Inject(ENV) private readonly env: MonitorEnv,
  ) {}

  /**
   * From the changes of its health and the times of its answers; of a server that was never seen nothing is known.
   *
   * @param ref slug, also of a server that was removed, or id @throws AppError `server_not_found` when nobody knows it
   */
  async of(ref: string, now = Date.now()): Promise<Uptime> {
    const server = UUID_KEY.test(ref) ? (await this.bus.call(getServer, { server: ref })).slug : ref;
    const [kept, series] = await Promise.all([
      this.events.healthChanges(server),
      this.metrics.findSeries(LATENCY, { server, ...ANSWERED }, MAX_SERIES),
    ]);
    const changes = kept.length > 0 ? this.withBeginning(kept, now) : await this.standing(server);
    if (changes.length === 0 && series.length === 0) await this.requireServer(server);
    const ids = series.map(({ id }) => id);
    const last = async (days: number): Promise<UptimeWindow> => {
      const from = now - days * DAY_MS;
      return { ...uptimeIn(changes, from, now), latency: await this.latency(ids, from, now) };
    };
    const [day, week, month] = await Promise.all([last(1), last(7), last(30)]);
    return { server, day, week, month };
  }

  /** What it was before the first change that is kept, it was for as long as events are kept. */
  private withBeginning(changes: HealthChange[], now: number): HealthChange[] {
    const [first] = changes;
    if (!first || !isKnown(first.from)) return changes;
    const at = Math.min(first.at, now - this.env.EVENT_RETENTION_DAYS * DAY_MS);
    return [{ at, from: 'unknown', to: first.from }, ...changes];
  }

  /** How it is, and since when, though no event tells of it any more. */
  private async standing(server: string): Promise<HealthChange[]> {
    const health = await this.bus.call(getServerHealth, { server }).catch(() => undefined);
    return health ? [{ at: Date.parse(health.since), from: 'unknown', to: health.state }] : [];
  }

  private async requireServer(server: string): Promise<void> {
    await this.bus.call(getServer, { server }).catch((err: unknown) => {
      if (err instanceof AppError && err.code === 'server_not_found') throw err;
    });
  }

  private async latency(ids: readonly string[], from: number, to: number): Promise<LatencyWindow | null> {
    if (ids.length === 0) return null;
    const tier = tierFor(from, (to - from) / STEPS, to);
    const all = new ExponentialHistogram();
    for await (const [, points] of this.metrics.readInParts(tier, ids, bucketOf(from, tier.stepMs), to))
      for (const point of points) all.merge(point);
    if (all.count === 0) return null;
    const ms = (q: number): number => all.quantile(q) * 1000;
    return { calls: all.count, p50Ms: ms(0.5), p95Ms: ms(0.95), p99Ms: ms(0.99), maxMs: all.max * 1000 };
  }
}
