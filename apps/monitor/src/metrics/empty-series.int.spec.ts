import { openTestDatabase } from '@mcp-router/platform/testing';
import type { DataSource } from 'typeorm';
import { MIGRATIONS } from '../migrations';
import { MetricsStore } from './metrics.store';
import { valuePoint, type SeriesKey } from './point';
import { bucketOf, FINEST, TIERS } from './tier';

const AT = bucketOf(Date.now(), 3_600_000);
const TABLES = TIERS.map(({ table }) => `monitor.${table}`).join();

describe('series without a point in any tier', () => {
  let database: DataSource;
  let close: () => Promise<void>;
  let store: MetricsStore;

  beforeEach(async () => {
    ({ database, close } = await openTestDatabase({ schema: 'monitor', entities: [], migrations: MIGRATIONS }));
    store = new MetricsStore(database);
  });
  afterEach(() => close());

  const keyOf = (tool: string): SeriesKey => ({ name: 'c', type: 'counter', labels: { tool } });
  const points = (tools: readonly string[], at = AT) =>
    tools.map((tool) => ({ key: keyOf(tool), point: valuePoint(at, 1) }));
  const names = async (): Promise<(string | undefined)[]> =>
    (await store.findSeries('c', {}, 1000)).map(({ labels }) => labels['tool']);
  /** The maintenance of a day. */
  const maintain = async (by = store): Promise<void> => {
    for (let hour = 0; hour < 24; hour++) await by.maintain(new Date(AT + hour * 3_600_000));
  };

  it('are removed, and only those', async () => {
    const [fine, minutes, hours] = TIERS;
    await store.write(points(['none', 'fine']), fine);
    await store.write(points(['minutes']), minutes);
    await store.write(points(['hours']), hours);
    await database.query(
      `DELETE FROM monitor.metric_10s WHERE series_id = (SELECT id FROM monitor.metric_series WHERE labels->>'tool' = 'none')`,
    );
    await maintain();
    expect(await names()).toEqual(['fine', 'minutes', 'hours']);
  });

  it('begin anew when they are written again, also by one that knew them before', async () => {
    await store.write(points(['a', 'b']));
    await database.query(`TRUNCATE ${TABLES}`);
    await maintain(new MetricsStore(database));
    expect(await names()).toEqual([]);
    await store.write(points(['b']));
    await store.add(points(['b', 'a']));
    const [b, a] = await store.findSeries('c', {}, 10);
    const read = await store.read(FINEST, [a?.id ?? '', b?.id ?? ''], AT, AT + 1);
    expect([a, b].map((one) => [one?.labels['tool'], read.get(one?.id ?? '')?.[0]?.sum])).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
  });

  it('are known again after a write that failed', async () => {
    const tooFar = { ...valuePoint(AT, 1), offset: 2 ** 40 };
    await expect(store.write([{ key: keyOf('a'), point: tooFar }])).rejects.toThrow();
    await store.write(points(['a']));
    expect(await names()).toEqual(['a']);
    const [a] = await store.findSeries('c', {}, 10);
    expect((await store.read(FINEST, [a?.id ?? ''], AT, AT + 1)).size).toBe(1);
  });

  it('lose no point that comes, or is rolled up, while they are removed', async () => {
    const tools = Array.from({ length: 48 }, (_, i) => `t${i}`);
    const other = new MetricsStore(database);
    for (let round = 0; round < 12; round++) {
      await database.query(`TRUNCATE ${TABLES}, monitor.metric_dirty`);
      const late = tools.filter((_, i) => i % 12 === round);
      await Promise.all([
        store.write(points(tools.filter((tool) => !late.includes(tool)))).then(() => store.rollUp()),
        maintain(other).then(() => store.write(points(late))),
      ]);
      await store.rollUp();
      const series = await store.findSeries('c', {}, 1000);
      expect(series.map(({ labels }) => labels['tool']).sort()).toEqual([...tools].sort());
      const ids = series.map(({ id }) => id);
      for (const tier of TIERS) expect((await store.read(tier, ids, AT, AT + 1)).size).toBe(tools.length);
    }
  });
});
