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

  it('tells one window as one step, and nothing of before it', async () => {
    // A call every ten minutes, from before the window to its end.
    const calls = Array.from({ length: 18 }, (_, i) => START - HOUR + i * 600_000);
    await store.write(calls.map((at) => ({ key: seriesOf('a'), point: histogramPoint(at, [1]) })));
    await store.rollUp();
    const window = { from: new Date(START + HOUR / 2).toISOString(), to: new Date(START + 1.5 * HOUR).toISOString() };
    const inWindow = calls.filter((at) => at >= START + HOUR / 2 && at < START + 1.5 * HOUR).length;
    for (const stepSeconds of [3600, 86_400]) {
      const { series } = await ask({ ...window, aggregate: 'count', stepSeconds });
      expect(series[0]?.points).toEqual([[START / 1000 + 1800, inWindow]]);
    }
    const { series } = await ask({ ...window, aggregate: 'rate', stepSeconds: 3600 });
    expect(series[0]?.points[0]?.[1]).toBeCloseTo(inWindow / 3600, 9);
  });

  it('gives the rate of a step that is not over yet for as much of it as there is', async () => {
    const key: SeriesKey = { name: 'h', type: 'counter', labels: {} };
    // Ten a second for the last minute before now, which is twenty seconds into a minute.
    const now = START + HOUR + 20_000;
    const steps = Array.from({ length: 6 }, (_, i) => now - 60_000 + i * 10_000);
    await store.write(steps.map((at) => ({ key, point: valuePoint(at, 100) })));
    await store.rollUp();
    const query = { name: 'h', aggregate: 'rate', from: new Date(now - HOUR).toISOString(), stepSeconds: 60 };
    const { series } = await metrics.query(
      MetricQuery.parse({ ...query, to: new Date(now + 3_000).toISOString() }),
      now + 3_000,
    );
    expect(series[0]?.points.at(-1)).toEqual([(START + HOUR) / 1000, 10]);
  });

  it('groups what happened in the window, however many groups there were before', async () => {
    const old = Array.from({ length: 150 }, (_, i) => ({
      key: seriesOf(`old${i}`),
      point: histogramPoint(START - HOUR, [1]),
    }));
    await store.write([...old, { key: seriesOf('new'), point: histogramPoint(START, [1]) }]);
    const { series } = await ask({ aggregate: 'count', stepSeconds: 10, by: ['tool'] });
    expect(series).toEqual([{ labels: { tool: 'new' }, points: [[START / 1000, 1]] }]);
    const wider = { from: new Date(START - 2 * HOUR).toISOString(), stepSeconds: 10, by: ['tool'] };
    await expect(ask(wider)).rejects.toMatchObject({ code: 'limit_exceeded' });
    expect((await ask({ ...wider, aggregate: 'count', top: 3 })).series).toHaveLength(3);
  });

  it('leaves label values out, and tells the highest first', async () => {
    const counts = { a: 3, b: 7, c: 5, d: 9 };
    await store.write(
      Object.entries(counts).map(([tool, n]) => ({
        key: seriesOf(tool),
        point: histogramPoint(START, Array(n).fill(1)),
      })),
    );
    await store.rollUp();
    const query = { aggregate: 'count', stepSeconds: 7200, by: ['tool'], except: { tool: 'd' } };
    const told = async (more: object) =>
      (await ask({ ...query, ...more })).series.map(({ labels, points }) => [labels['tool'], points[0]?.[1]]);
    expect(await told({ top: 2 })).toEqual([
      ['b', 7],
      ['c', 5],
    ]);
    expect(await told({})).toHaveLength(3);
  });

  it('reads many long series in parts, to the same answer', async () => {
    const points = Array.from({ length: 720 }, (_, i) => START + i * 10_000).flatMap((at) =>
      ['a', 'b', 'c'].map((tool) => ({ key: seriesOf(tool), point: histogramPoint(at, [1, 2]) })),
    );
    await store.write(points);
    const query = MetricQuery.parse({
      name: 'h',
      aggregate: 'p95',
      by: ['tool'],
      from: new Date(START).toISOString(),
      to: new Date(NOW).toISOString(),
      stepSeconds: 60,
    });
    expect(await metrics.query(query, NOW, 1_000)).toEqual(await metrics.query(query, NOW));
    expect(await metrics.query({ ...query, by: [] }, NOW, 1_000)).toEqual(
      await metrics.query({ ...query, by: [] }, NOW),
    );
  });

  it('lists series page by page, each once', async () => {
    const tools = ['c', 'a', 'b', 'e', 'd'];
    await store.write(tools.map((tool) => ({ key: seriesOf(tool), point: histogramPoint(START, [1]) })));
    await store.write([{ key: { ...seriesOf('first'), name: 'ha' }, point: histogramPoint(START, [1]) }]);
    await store.write([{ key: seriesOf('late'), point: histogramPoint(START, [1]) }]);
    const seen: (string | undefined)[] = [];
    for (let cursor: string | null | undefined; cursor !== null;) {
      const page = await metrics.series({ prefix: 'h', limit: 2, ...(cursor === undefined ? {} : { cursor }) });
      seen.push(...page.items.map(({ labels }) => labels['tool']));
      cursor = page.nextCursor;
    }
    expect(seen).toEqual([...tools, 'late', 'first']);
    await expect(metrics.series({ prefix: '', limit: 2, cursor: 'AAAA' })).rejects.toMatchObject({
      code: 'invalid_cursor',
    });
  });

  it('takes a point once, however often it is written', async () => {
    const points = [{ key: seriesOf('a'), point: histogramPoint(START, [1]) }];
    await store.write(points);
    await store.write(points);
    expect((await ask({ aggregate: 'count', stepSeconds: 10 })).series[0]?.points).toEqual([[START / 1000, 1]]);
  });

  it.each([
    ['gauge', ['avg', 'min', 'max'], ['rate', 'count', 'sum', 'p50', 'p99']],
    ['counter', ['rate', 'count', 'sum', 'avg', 'min', 'max'], ['p90', 'p95']],
    ['histogram', ['rate', 'count', 'sum', 'avg', 'min', 'max', 'p50', 'p90', 'p95', 'p99'], []],
  ] as const)('asks a %s for what it has, and says what that is', async (type, fitting, others) => {
    const key: SeriesKey = { name: 'h', type, labels: {} };
    await store.write([{ key, point: type === 'histogram' ? histogramPoint(START, [5]) : valuePoint(START, 5) }]);
    for (const aggregate of fitting)
      expect((await ask({ aggregate, stepSeconds: 10 })).series[0]?.points[0]?.[1]).toBeGreaterThan(0);
    for (const aggregate of others)
      await expect(ask({ aggregate })).rejects.toMatchObject({
        code: 'invalid_request',
        detail: `There is no ${aggregate} of "h", which is a ${type}`,
        hint: `Ask for one of ${fitting.join(', ')}`,
      });
  });

  it.each([
    ['invalid_request', { to: new Date(START - 1).toISOString() }],
    ['limit_exceeded', { from: '2024-01-01T00:00:00Z' }],
    ['limit_exceeded', { from: '2026-11-21T00:00:00Z', to: '2026-11-22T23:00:00Z', stepSeconds: 10 }],
  ])('answers %s to a window that asks too much', async (code, query) => {
    await expect(ask(query)).rejects.toMatchObject({ code });
  });
});
