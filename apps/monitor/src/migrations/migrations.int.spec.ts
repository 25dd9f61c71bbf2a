import { checkMigrations, openTestDatabase } from '@mcp-router/platform/testing';
import { packCounts } from '../metrics/packed-points';
import { MIGRATIONS } from '.';
import { MetricBuckets20261122153000 } from './20261122153000-metric-buckets';

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
    await migration.down(runner);
    const counts = [3, 0, 127, 128, 20_001, 2 ** 40];
    await database.query(
      `INSERT INTO monitor.metric_1m (series_id, at, count, sum, min, max, zeros, offset_, counts)
       VALUES (1, now(), 1, 1, 0, 1, 0, -7, $1)`,
      [counts],
    );
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
