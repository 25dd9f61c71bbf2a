import { openTestDatabase } from '@mcp-router/platform/testing';
import { ExponentialHistogram, MetricQuery } from '@mcp-router/shared';
import fc from 'fast-check';
import type { DataSource } from 'typeorm';
import { MIGRATIONS } from '../migrations';
import { maintainPartitions } from '../storage/partitions';
import { MetricsService } from './metrics.service';
import { MetricsStore } from './metrics.store';
import { valuePoint, type Point, type SeriesKey } from './point';
import { bucketOf } from './tier';

const KEY: SeriesKey = { name: 'h', type: 'histogram', labels: { service: 'router' } };
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

function pointOf(at: number, ...values: number[]): Point {
  const histogram = new ExponentialHistogram();
  for (const value of values) histogram.record(value);
  return { at, ...histogram.toData() };
}

describe('metrics and clocks', () => {
  let database: DataSource;
  let close: () => Promise<void>;
  let store: MetricsStore;
  beforeEach(async () => {
    ({ database, close } = await openTestDatabase({ schema: 'monitor', entities: [], migrations: MIGRATIONS }));
    store = new MetricsStore(database);
  });
  afterEach(() => close());

  const counts = async (from: number, to: number, stepSeconds: number, now = to) => {
    const window = { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
    const query = MetricQuery.parse({ name: 'h', aggregate: 'count', ...window, stepSeconds });
    return (await new MetricsService(store).query(query, now)).series[0]?.points ?? [];
  };

  it('lose nothing and count nothing twice when the clock jumps, in either direction', async () => {
    const start = Date.parse('2026-11-22T10:00:00Z');
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            jump: fc.constantFrom(0, 0, 0, -10, -30, -600, -3600, 20, 900),
            n: fc.integer({ min: 1, max: 5 }),
          }),
          {
            minLength: 1,
            maxLength: 12,
          },
        ),
        async (ticks) => {
          await database.query(
            'TRUNCATE monitor.metric_10s, monitor.metric_1m, monitor.metric_1h, monitor.metric_dirty',
          );
          let clock = start;
          let recorded = 0;
          for (const { jump, n } of ticks) {
            clock += 10_000 + jump * 1000;
            recorded += n;
            await store.add([
              { key: KEY, point: pointOf(bucketOf(clock, 10_000), ...Array.from({ length: n }, () => 1)) },
            ]);
            await store.rollUp();
          }
          for (const step of [10, 60, 3600]) {
            const points = await counts(start - DAY / 2, start + DAY / 2, step, start);
            expect(points.reduce((sum, [, count]) => sum + count, 0)).toBe(recorded);
          }
        },
      ),
      { numRuns: 25 },
    );
  });

  it('have hours of an hour where the clocks of people change, whatever the time zone of the database', async () => {
    await database.query(`SET TIME ZONE 'Europe/Berlin'`);
    // Summer time ends at 01:00 UTC, and began on 29 March at the same hour.
    for (const change of ['2026-10-25T01:00:00Z', '2026-03-29T01:00:00Z'].map((text) => Date.parse(text))) {
      const from = change - 3 * HOUR;
      const minutes = Array.from({ length: 6 * 60 }, (_, i) => from + i * 60_000);
      await store.write(minutes.map((at) => ({ key: KEY, point: pointOf(at, 1) })));
      await store.rollUp();
      expect(await counts(from, from + 6 * HOUR, 3600)).toEqual(
        Array.from({ length: 6 }, (_, i) => [(from + i * HOUR) / 1000, 60]),
      );
    }
  });

  it('are dropped by whole days of UTC, and what is late for a dropped day does no harm', async () => {
    const now = new Date('2026-10-26T00:30:00Z');
    const days = [1, 2, 3].map((ago) => Date.parse('2026-10-26T00:00:00Z') - ago * DAY);
    for (const day of days) await maintainPartitions(database, 'metric_10s', 2, new Date(day));
    await store.write(
      days.flatMap((day) => [day, day + DAY - 10_000]).map((at) => ({ key: KEY, point: valuePoint(at, 1) })),
    );
    const left = async () =>
      (await database.query<{ at: Date }[]>('SELECT at FROM monitor.metric_10s ORDER BY at')).map(({ at }) =>
        at.getTime(),
      );
    await maintainPartitions(database, 'metric_10s', 2, now);
    expect(await left()).toEqual([days[1], (days[1] ?? 0) + DAY - 10_000, days[0], (days[0] ?? 0) + DAY - 10_000]);
    const late = (days[2] ?? 0) + HOUR;
    await store.write([{ key: KEY, point: valuePoint(late, 1) }]);
    expect(await left()).toContain(late);
    await maintainPartitions(database, 'metric_10s', 2, now);
  });
});
