import { openTestDatabase } from '@mcp-router/platform/testing';
import type { DataSource } from 'typeorm';
import { Leader } from './leader';

describe('the leader of a task', () => {
  let database: DataSource;
  let close: () => Promise<void>;
  beforeAll(async () => {
    ({ database, close } = await openTestDatabase({ schema: 'monitor', entities: [], migrations: [] }));
  });
  afterAll(() => close());

  it('is one replica, until it resigns', async () => {
    const [a, b] = [new Leader(database, 't'), new Leader(database, 't')];
    expect([await a.leads(), await b.leads(), await a.leads()]).toEqual([true, false, true]);
    await a.resign();
    expect([await b.leads(), await a.leads()]).toEqual([true, false]);
    await a.resign();
    await b.resign();
  });

  it('is followed when its session is cut', async () => {
    const [a, b] = [new Leader(database, 'u'), new Leader(database, 'u')];
    expect(await a.leads()).toBe(true);
    await database.query(
      `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    );
    await expect(a.leads()).rejects.toThrow();
    expect([await b.leads(), await a.leads()]).toEqual([true, false]);
    await a.resign();
    await b.resign();
  });
});
