import { openTestDatabase } from '@mcp-router/platform/testing';
import type { DataSource } from 'typeorm';
import { MIGRATIONS } from '../migrations';
import { maintainPartitions } from './partitions';

const NOW = new Date('2026-11-22T12:00:00Z');

describe('daily partitions', () => {
  let database: DataSource;
  let close: () => Promise<void>;
  beforeEach(async () => {
    ({ database, close } = await openTestDatabase({ schema: 'monitor', entities: [], migrations: MIGRATIONS }));
  });
  afterEach(() => close());

  const insert = (at: string) =>
    database.query(
      `INSERT INTO monitor.call (id, at, request_id, agent_id, agent, endpoint, method, outcome, duration_ms, request_bytes, response_bytes)
       VALUES (gen_random_uuid(), $1, 'r', gen_random_uuid(), 'a', '/mcp', 'tools/call', 'ok', 1, 2, 3)`,
      [at],
    );
  const places = async () =>
    (await database.query(`SELECT tableoid::regclass::text AS place FROM monitor.call ORDER BY at`)).map(
      (row: { place: string }) => row.place,
    );

  it('take over the rows that came before them', async () => {
    await insert('2026-11-24T23:59:59.999Z');
    expect(await places()).toEqual(['monitor.call_default']);
    await maintainPartitions(database, 'call', 30, NOW);
    expect(await places()).toEqual(['monitor.call_20261124']);
  });

  it('are dropped when their day is past keeping, and only then', async () => {
    await maintainPartitions(database, 'call', 30, new Date('2026-10-01T00:00:00Z'));
    expect(await maintainPartitions(database, 'call', 50, NOW)).toEqual(
      ['call_20260930', 'call_20261001', 'call_20261002'].filter((name) => name < 'call_20261003'),
    );
    expect(await maintainPartitions(database, 'call', 50, NOW)).toEqual([]);
  });

  it('are made once by replicas that start at once', async () => {
    await Promise.all(Array.from({ length: 4 }, () => maintainPartitions(database, 'call', 30, NOW)));
    await insert('2026-11-22T00:00:00Z');
    expect(await places()).toEqual(['monitor.call_20261122']);
  });
});
