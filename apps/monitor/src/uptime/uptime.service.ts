import { Injectable } from '@nestjs/common';
import { ExponentialHistogram, type LatencyWindow, type Uptime, type UptimeWindow } from '@mcp-router/shared';
import { EventsStore } from '../events/events.store';
import { MetricsStore } from '../metrics/metrics.store';
import { bucketOf, tierFor } from '../metrics/tier';
import { uptimeIn } from './uptime';

const DAY_MS = 86_400_000;
/** What the router waited for, of what was answered. */
const LATENCY = 'mcp_client_operation_duration_seconds';
const ANSWERED = { error_type: '' };
const MAX_SERIES = 1_000;
/** A window is read in at least as many steps as a week has hours. */
const STEPS = 168;

/** How well and how fast a server was, over windows that end now. */
@Injectable()
export class UptimeService {
  constructor(
    private readonly events: EventsStore,
    private readonly metrics: MetricsStore,
  ) {}

  /** From the changes of its health and the times of its answers; of a server that was never seen nothing is known. */
  async of(server: string, now = Date.now()): Promise<Uptime> {
    const [changes, series] = await Promise.all([
      this.events.healthChanges(server),
      this.metrics.findSeries(LATENCY, { server, ...ANSWERED }, MAX_SERIES),
    ]);
    const ids = series.map(({ id }) => id);
    const last = async (days: number): Promise<UptimeWindow> => {
      const from = now - days * DAY_MS;
      return { ...uptimeIn(changes, from, now), latency: await this.latency(ids, from, now) };
    };
    const [day, week, month] = await Promise.all([last(1), last(7), last(30)]);
    return { server, day, week, month };
  }

  private async latency(ids: readonly string[], from: number, to: number): Promise<LatencyWindow | null> {
    if (ids.length === 0) return null;
    const tier = tierFor(from, (to - from) / STEPS, to);
    const points = await this.metrics.read(tier, ids, bucketOf(from, tier.stepMs), to);
    const all = new ExponentialHistogram();
    for (const point of [...points.values()].flat()) all.merge(point);
    if (all.count === 0) return null;
    const ms = (q: number): number => all.quantile(q) * 1000;
    return { calls: all.count, p50Ms: ms(0.5), p95Ms: ms(0.95), p99Ms: ms(0.99), maxMs: all.max * 1000 };
  }
}
