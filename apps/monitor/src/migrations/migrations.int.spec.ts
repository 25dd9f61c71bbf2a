import { checkMigrations, openTestDatabase } from '@mcp-router/platform/testing';
import { MetricsStore } from '../metrics/metrics.store';
import { packCounts } from '../metrics/packed-points';
import { mergePoints, valuePoint } from '../metrics/point';
import { TIERS } from '../metrics/tier';
import { MIGRATIONS } from '.';
import { MetricBuckets20261122153000 } from './20261122153000-metric-buckets';
import { MetricCounts20261122181000 } from './20261122181000-metric-counts';

it('go up, down and up again on data', async () => {
  await checkMigrations({ schema: 'monitor', entities: [], migrations: MIGRATIONS }, async (database) => {
    await database.query(
      `INSERT INTO monitor.call (id, at, request_id, agent_id, agent, endpoint, method, outcome, duration_ms, request_bytes, response_bytes)
       VALUES (gen_random_uuid(), now(), 'r', gen_random_uuid(), 'a', '/mcp', 'tools/call', 'ok', 1, 2, 3)`,
    );
    await database.query(
      `INSERT INTO monitor.metric_1m (series_id, at, count, sum, min, max, zeros, offset_, buckets)
       VALUES (1, now(), 20004, 1, 0, 1, 0, -7, '\\x0300a19c01'), (1, now() - interval '1 day', 1, 1, 1, 1, 0, 0, NULL)`,
    );
  });
});

it('buckets of histograms survive being packed and unpacked', async () => {
  const { database, close } = await openTestDatabase({ schema: 'monitor', entities: [], migrations: MIGRATIONS });
  try {
    const runner = database.createQueryRunner();
    const migration = new MetricBuckets20261122153000();
    await new MetricCounts20261122181000().down(runner);
    await migration.down(runner);
    const counts = [3, 0, 127, 128, 20_001, 2 ** 40];
    await database.query(OLD_INSERT, [1, counts]);
    await migration.up(runner);
    const packed = await database.query<{ buckets: Buffer }[]>('SELECT buckets FROM monitor.metric_1m');
    expect(packed).toEqual([{ buckets: packCounts(counts) }]);
    await migration.down(runner);
    expect(await database.query('SELECT counts FROM monitor.metric_1m')).toEqual([{ counts }]);
    await runner.release();
  } finally {
    await close();
  }
});

it('what a replica of the release before writes in a rolling deploy is read with the rest, in partitions of any age', async () => {
  const { database, close } = await openTestDatabase({ schema: 'monitor', entities: [], migrations: MIGRATIONS });
  try {
    const store = new MetricsStore(database);
    await database.query(OLD_INSERT, [1, [0, 2]]);
    await store.maintain();
    await database.query(OLD_INSERT, [2, [3, 1]]);
    // It replaces what it rolls up, as it did before.
    await database.query(
      `INSERT INTO monitor.metric_1m (series_id, at, count, sum, min, max, zeros, offset_, counts)
       SELECT series_id, at, 9, sum, min, max, zeros, offset_, '{4,5}' FROM monitor.metric_1m WHERE series_id = 2
       ON CONFLICT (series_id, at) DO UPDATE SET count = excluded.count, counts = excluded.counts`,
    );
    const read = await store.read(TIERS[1], ['1', '2'], Date.now() - 60_000, Date.now() + 60_000);
    const totals = [...read.values()].flat().map((point) => mergePoints(0, [point]));
    expect(totals.map(({ offset, counts }) => ({ offset, counts }))).toEqual([
      { offset: -6, counts: [2] },
      { offset: -7, counts: [4, 5] },
    ]);
    // And it still finds its column where this release has written.
    await store.write(
      [{ key: { name: 'c', type: 'counter', labels: {} }, point: valuePoint(Date.now(), 1) }],
      TIERS[1],
    );
    expect(await database.query(`SELECT counts FROM monitor.metric_1m WHERE count = 1`)).toEqual([{ counts: null }]);
  } finally {
    await close();
  }
});

/** As the release before packed buckets writes. */
const OLD_INSERT = `INSERT INTO monitor.metric_1m (series_id, at, count, sum, min, max, zeros, offset_, counts)
  VALUES ($1, now(), 2, 1, 0, 1, 0, -7, $2)`;
