import { openTestDatabase } from '@mcp-router/platform/testing';
import { ExponentialHistogram, MetricQuery } from '@mcp-router/shared';
import fc from 'fast-check';
import type { DataSource } from 'typeorm';
import { MIGRATIONS } from '../migrations';
import { MetricsService } from './metrics.service';
import { MetricsStore } from './metrics.store';
import { valuePoint, type Point, type SeriesKey } from './point';

const START = Date.parse('2026-11-22T10:00:00Z');
const HOUR = 3_600_000;
const NOW = START + 2 * HOUR;

const seriesOf = (tool: string): SeriesKey => ({ name: 'h', type: 'histogram', labels: { service: 'router', tool } });

function histogramPoint(at: number, values: number[]): Point {
  const histogram = new ExponentialHistogram();
  for (const value of values) histogram.record(value);
  return { at, ...histogram.toData() };
}

describe('metrics over time', () => {
  let database: DataSource;
  let close: () => Promise<void>;
  let store: MetricsStore;
  let metrics: MetricsService;

  beforeEach(async () => {
    ({ database, close } = await openTestDatabase({ schema: 'monitor', entities: [], migrations: MIGRATIONS }));
    store = new MetricsStore(database);
    metrics = new MetricsService(store);
  });
  afterEach(() => close());

  const ask = (query: object) =>
    metrics.query(
      MetricQuery.parse({ name: 'h', from: new Date(START).toISOString(), to: new Date(NOW).toISOString(), ...query }),
      NOW,
    );

  it('rolls up to the same, in any order, with late points and with crashes in between', async () => {
    const batch = fc.array(
      fc.record({
        tool: fc.constantFrom('a', 'b'),
        step: fc.nat(719),
        values: fc.array(fc.double({ min: 0.001, max: 100, noNaN: true }), { minLength: 1, maxLength: 4 }),
      }),
      { minLength: 1, maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(batch, { minLength: 1, maxLength: 5 }),
        fc.array(fc.boolean(), { maxLength: 5 }),
        async (batches, rolls) => {
          await database.query(
            'TRUNCATE monitor.metric_10s, monitor.metric_1m, monitor.metric_1h, monitor.metric_dirty',
          );
          const truth = new Map<string, number[]>();
          for (const [i, points] of batches.entries()) {
            const unique = new Map(points.map((point) => [`${point.tool} ${point.step}`, point]));
            const fresh = [...unique].filter(([id]) => !truth.has(id));
            for (const [id, { values }] of fresh) truth.set(id, values);
            await store.write(
              fresh.map(([, { tool, step, values }]) => ({
                key: seriesOf(tool),
                point: histogramPoint(START + step * 10_000, values),
              })),
            );
            if (rolls[i]) await store.rollUp(1); // a crash: only one bucket was done
          }
          await store.rollUp();
          const all = [...truth.values()].flat();
          const answer = await ask({ aggregate: 'count', stepSeconds: 3600 });
          expect(answer.tierSeconds).toBe(3600);
          expect(answer.series[0]?.points.reduce((sum, [, n]) => sum + n, 0)).toBe(all.length);
          const p99 = await ask({ aggregate: 'p99', stepSeconds: 7200, by: [] });
          const exact = all.sort((x, y) => x - y)[Math.ceil(0.99 * all.length) - 1] ?? 0;
          for (const [, value] of p99.series[0]?.points ?? [])
            expect(Math.abs(value - exact) / exact).toBeLessThan(0.012);
          expect(await database.query('SELECT count(*)::int AS n FROM monitor.metric_dirty')).toEqual([{ n: 0 }]);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('groups by labels, filters, and gives rates of counters', async () => {
    const counter = (tool: string): SeriesKey => ({ name: 'h', type: 'counter', labels: { service: 'router', tool } });
    await store.write([
      { key: counter('a'), point: valuePoint(START, 30) },
      { key: counter('a'), point: valuePoint(START + 10_000, 60) },
      { key: counter('b'), point: valuePoint(START, 10) },
    ]);
    const rates = await ask({ aggregate: 'rate', stepSeconds: 10, by: ['tool'] });
    expect(rates.series).toEqual([
      {
        labels: { tool: 'a' },
        points: [
          [START / 1000, 3],
          [START / 1000 + 10, 6],
        ],
      },
      { labels: { tool: 'b' }, points: [[START / 1000, 1]] },
    ]);
    expect((await ask({ aggregate: 'sum', stepSeconds: 10, labels: { tool: 'b' } })).series[0]?.points).toEqual([
      [START / 1000, 10],
    ]);
  });

  it('takes a point once, however often it is written', async () => {
    const points = [{ key: seriesOf('a'), point: histogramPoint(START, [1]) }];
    await store.write(points);
    await store.write(points);
    expect((await ask({ aggregate: 'count', stepSeconds: 10 })).series[0]?.points).toEqual([[START / 1000, 1]]);
  });

  it.each([
    ['invalid_request', { to: new Date(START - 1).toISOString() }],
    ['limit_exceeded', { from: '2024-01-01T00:00:00Z' }],
    ['limit_exceeded', { from: '2026-11-21T00:00:00Z', to: '2026-11-22T23:00:00Z', stepSeconds: 10 }],
  ])('answers %s to a window that asks too much', async (code, query) => {
    await expect(ask(query)).rejects.toMatchObject({ code });
  });
});
