import { openTestDatabase } from '@mcp-router/platform/testing';
import { AppError, ExponentialHistogram, Uptime, type RecordedEvent } from '@mcp-router/shared';
import type { DataSource } from 'typeorm';
import { v7 as uuid } from 'uuid';
import { EventsStore } from '../events/events.store';
import { MetricsStore } from '../metrics/metrics.store';
import type { SeriesKey } from '../metrics/point';
import { TIERS } from '../metrics/tier';
import { MIGRATIONS } from '../migrations';
import { UptimeService } from './uptime.service';

const NOW = Date.parse('2026-11-22T12:00:00.000Z');
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const DURATION = 'mcp_client_operation_duration_seconds';

const seriesOf = (server: string, error_type = '', mcp_method_name = 'tools/call'): SeriesKey => ({
  name: DURATION,
  type: 'histogram',
  labels: { service: 'router', server, mcp_method_name, network_transport: 'tcp', error_type },
});

/** By the nearest rank, of milliseconds. */
function exact(seconds: readonly number[], q: number): number {
  const sorted = [...seconds].sort((a, b) => a - b);
  return 1000 * (sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? NaN);
}

describe('how well and how fast a server was', () => {
  let database: DataSource;
  let close: () => Promise<void>;
  let metrics: MetricsStore;
  let events: EventsStore;
  let uptime: UptimeService;
  /** What other services answer, by the pattern of the question. */
  let answers: Record<string, unknown>;
  beforeEach(async () => {
    ({ database, close } = await openTestDatabase({ schema: 'monitor', entities: [], migrations: MIGRATIONS }));
    metrics = new MetricsStore(database);
    events = new EventsStore(database);
    answers = {};
    const bus = {
      call: ({ pattern }: { pattern: string }) =>
        pattern in answers
          ? Promise.resolve(answers[pattern])
          : Promise.reject(new AppError(pattern === 'router.getServer' ? 'server_not_found' : 'not_found', 'no')),
    };
    uptime = new UptimeService(events, metrics, bus as never, { EVENT_RETENTION_DAYS: 90 } as never);
  });
  afterEach(() => close());

  const change = (ago: number, from: string, to: string): RecordedEvent => ({
    id: uuid(),
    at: new Date(NOW - ago).toISOString(),
    type: 'server.healthChanged',
    server: 'git',
    data: { from, to },
  });

  /** One minute of answers, as the collector stores them: with all coarser tiers. */
  const answer = async (key: SeriesKey, minutes: ReadonlyMap<number, readonly number[]>): Promise<void> => {
    const points = [...minutes].map(([at, seconds]) => {
      const histogram = new ExponentialHistogram();
      for (const value of seconds) histogram.record(value);
      return { key, point: { at, ...histogram.toData() } };
    });
    await metrics.write(points, TIERS[1]);
    while ((await metrics.rollUp()) > 0);
  };

  it('is told for 24 hours, 7 days and 30 days, each from all calls of that time', async () => {
    // It gets slower by the day: each window has percentiles of its own.
    const all: { at: number; seconds: number[] }[] = [];
    for (let ago = 30 * DAY - HOUR; ago > 0; ago -= 3 * HOUR) {
      const age = ago / DAY;
      const seconds = Array.from({ length: 40 }, (_, i) => (0.01 + 0.002 * i) * (31 - age) ** 1.5);
      all.push({ at: NOW - ago, seconds });
    }
    await answer(seriesOf('git'), new Map(all.filter((_, i) => i % 2 === 0).map(({ at, seconds }) => [at, seconds])));
    await answer(
      seriesOf('git', '', 'resources/read'),
      new Map(all.filter((_, i) => i % 2 === 1).map(({ at, seconds }) => [at, seconds])),
    );
    // What failed, and what others answered, says nothing of how fast it is.
    await answer(seriesOf('git', 'upstream_timeout'), new Map([[NOW - HOUR, [300, 300, 300]]]));
    await answer(seriesOf('other'), new Map([[NOW - HOUR, [77]]]));
    const told = await uptime.of('git', NOW);
    expect(Uptime.parse(told)).toEqual(told);
    for (const [window, days] of [
      ['day', 1],
      ['week', 7],
      ['month', 30],
    ] as const) {
      const within = all.filter(({ at }) => at >= NOW - days * DAY).flatMap(({ seconds }) => seconds);
      const { latency } = told[window];
      expect(latency?.calls).toBe(within.length);
      for (const [field, q] of [
        ['p50Ms', 0.5],
        ['p95Ms', 0.95],
        ['p99Ms', 0.99],
        ['maxMs', 1],
      ] as const) {
        const wanted = exact(within, q);
        expect(Math.abs((latency?.[field] ?? NaN) - wanted) / wanted).toBeLessThanOrEqual(0.012);
      }
    }
  });

  it('comes from the changes of its health', async () => {
    await events.append([change(100 * 60_000, 'unknown', 'healthy'), change(25 * 60_000, 'healthy', 'unhealthy')]);
    const expected = { upShare: 0.75, downSeconds: 1500, knownSeconds: 6000, outages: 1, latency: null };
    expect(await uptime.of('git', NOW)).toEqual({ server: 'git', day: expected, week: expected, month: expected });
    await expect(uptime.of('other', NOW)).rejects.toMatchObject({ code: 'server_not_found' });
    answers['router.getServer'] = { slug: 'other' };
    expect((await uptime.of('other', NOW)).day).toMatchObject({ upShare: null, latency: null });
  });

  it('is told of a server by its id, too', async () => {
    await events.append([change(100 * 60_000, 'unknown', 'healthy')]);
    answers['router.getServer'] = { slug: 'git' };
    const told = await uptime.of('7e3b8850-914a-58a3-901b-af8fc221e72a', NOW);
    expect(told).toMatchObject({ server: 'git', day: { knownSeconds: 6000 } });
  });

  it('of a server that was well for longer than events are kept is known', async () => {
    answers['discovery.getServerHealth'] = { state: 'healthy', since: new Date(NOW - 200 * DAY).toISOString() };
    expect(await uptime.of('git', NOW)).toMatchObject({
      day: { upShare: 1, knownSeconds: 86_400 },
      month: { upShare: 1, knownSeconds: 30 * 86_400, outages: 0 },
    });
    // Its first outage in that time: it was healthy before.
    await events.append([change(6 * DAY, 'healthy', 'unhealthy'), change(3 * DAY, 'unhealthy', 'healthy')]);
    expect((await uptime.of('git', NOW)).month).toMatchObject({ upShare: 0.9, outages: 1 });
  });

  it('tells each window apart, though an outage is part of the longer ones', async () => {
    await events.append([
      change(20 * DAY, 'unknown', 'healthy'),
      change(10 * DAY, 'healthy', 'lost'),
      change(9 * DAY, 'lost', 'healthy'),
      change(2 * DAY, 'healthy', 'unhealthy'),
      change(2 * DAY - HOUR, 'unhealthy', 'healthy'),
    ]);
    const { day, week, month } = await uptime.of('git', NOW);
    expect([day.outages, week.outages, month.outages]).toEqual([0, 1, 2]);
    expect([day.downSeconds, week.downSeconds, month.downSeconds]).toEqual([0, 3_600, 3_600 + 86_400]);
    expect([day.upShare, week.upShare, month.upShare]).toEqual([1, 1 - 1 / 168, 1 - 25 / 480]);
  });
});
