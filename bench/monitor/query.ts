import { openTestDatabase } from '@mcp-router/platform/testing';
import { ExponentialHistogram, MetricQuery } from '@mcp-router/shared';
import { MetricsService } from '../../apps/monitor/src/metrics/metrics.service';
import { MetricsStore } from '../../apps/monitor/src/metrics/metrics.store';
import { bucketOf, TIERS, type Tier } from '../../apps/monitor/src/metrics/tier';
import { MIGRATIONS } from '../../apps/monitor/src/migrations';
import { keyText, type Point, type SeriesKey } from '../../apps/monitor/src/metrics/point';
import { median, quantile, type Row } from './row';

const TOOLS = 50;
const DAY_MS = 86_400_000;
const HOURS = 30 * 24;
const ROUNDS = 15;
const NAME = 'mcp_server_operation_duration_seconds';
const [, MINUTE, HOUR] = TIERS;

/**
 * 30 days of hours and two days of minutes for 50 tools, every point a histogram of as many values as a busy tool has:
 * more than 100 million samples behind them.
 */
export async function measureQueries(): Promise<Row[]> {
  const { database, close } = await openTestDatabase({ schema: 'monitor', entities: [], migrations: MIGRATIONS });
  const store = new MetricsStore(database);
  const service = new MetricsService(store);
  const now = bucketOf(Date.now(), 3_600_000);
  await store.maintain();
  const keys = Array.from({ length: TOOLS }, (_, i): SeriesKey => ({
    name: NAME,
    type: 'histogram',
    labels: { service: 'router', server: `server${i % 10}`, gen_ai_tool_name: `tool_${i}` },
  }));
  const samples =
    (await fill(store, HOUR, keys, now - HOURS * HOUR.stepMs, HOURS, 3_000)) +
    (await fill(store, MINUTE, keys, now - 2 * DAY_MS, 2880, 60));
  await database.query('VACUUM ANALYZE');
  const ask = async (from: number, query: object): Promise<{ ms: number; points: number }> => {
    const parsed = MetricQuery.parse({ name: NAME, aggregate: 'p99', from: iso(from), to: iso(now), ...query });
    const startedAt = performance.now();
    const { series } = await service.query(parsed, now);
    return { ms: performance.now() - startedAt, points: series.reduce((sum, { points }) => sum + points.length, 0) };
  };
  const tool = { labels: { gen_ai_tool_name: 'tool_7' } };
  const day: number[] = [];
  const month: number[] = [];
  const byHour: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    day.push(await timed(ask(now - DAY_MS, { ...tool, stepSeconds: 60 }), 1440));
    month.push(await timed(ask(now - 30 * DAY_MS, { by: ['gen_ai_tool_name'] }), 50 * 180));
    byHour.push(await timed(ask(now - 30 * DAY_MS, { by: ['gen_ai_tool_name'], stepSeconds: 3600 }), 50 * HOURS));
  }
  await close();
  const settled = (list: number[]): number[] => list.slice(3);
  return [
    { what: 'query: 24 h of minutes, p99 of one tool, median', value: median(settled(day)), unit: 'ms', atMost: 10 },
    { what: 'query: the same, slowest', value: quantile(settled(day), 1), unit: 'ms' },
    { what: 'query: 30 d of 50 tools, p99 each, median', value: median(settled(month)), unit: 'ms', atMost: 150 },
    { what: 'query: the same, slowest', value: quantile(settled(month), 1), unit: 'ms' },
    { what: 'query: the same in steps of an hour, median', value: median(settled(byHour)), unit: 'ms' },
    { what: 'query: samples behind the points', value: samples / 1e6, unit: 'million' },
  ];
}

async function timed(asked: Promise<{ ms: number; points: number }>, expected: number): Promise<number> {
  const { ms, points } = await asked;
  // Steps at both ends may hold less than a whole one.
  if (points < expected || points > expected * 1.05) throw new Error(`${points} points instead of ${expected}`);
  return ms;
}

/** Writes `steps` points for each series into one tier. @returns how many samples they stand for */
async function fill(
  store: MetricsStore,
  tier: Tier,
  keys: readonly SeriesKey[],
  from: number,
  steps: number,
  perPoint: number,
): Promise<number> {
  const shapes = keys.map((_, i) => shapeOf(i, perPoint));
  const known = new Map(shapes.map((shape, i) => [keyText(keys[i] as SeriesKey), shape]));
  for (let done = 0; done < steps; done += 100) {
    const points: { key: SeriesKey; point: Point }[] = [];
    for (let step = done; step < Math.min(steps, done + 100); step++)
      for (const key of keys)
        points.push({
          key,
          point: { ...(known.get(keyText(key)) as Omit<Point, 'at'>), at: from + step * tier.stepMs },
        });
    await store.write(points, tier);
  }
  return shapes.reduce((sum, { count }) => sum + count, 0) * steps;
}

/** Durations of a tool: log-normal, each tool at another speed, with a slow tail. */
function shapeOf(tool: number, samples: number): Omit<Point, 'at'> {
  const histogram = new ExponentialHistogram();
  for (let i = 0; i < samples; i++) {
    const normal = Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
    histogram.record(0.005 * (1 + tool) * Math.exp(0.6 * normal) * (Math.random() < 0.01 ? 8 : 1));
  }
  return histogram.toData();
}

const iso = (at: number): string => new Date(at).toISOString();
