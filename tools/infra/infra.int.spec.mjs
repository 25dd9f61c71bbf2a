import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import pg from 'pg';
import { startInfra } from './index.mjs';
import { isAlive, until } from './processes.mjs';

async function query(url, sql) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

async function redis(url, use) {
  const client = new Redis(url, { retryStrategy: null });
  client.on('error', () => {}); // The failed command says it.
  try {
    return await use(client);
  } finally {
    client.disconnect();
  }
}

describe('the embedded servers', () => {
  let folder, running;
  const start = async (options = {}) => {
    const infra = await startInfra({ folder, env: {}, ...options });
    running.push(infra);
    return infra;
  };
  const postmaster = () => parseInt(readFileSync(join(folder, 'postgres/postmaster.pid'), 'utf8'), 10);

  beforeEach(() => {
    running = [];
    folder = mkdtempSync(join(tmpdir(), 'infra-spec-'));
    // The Postgres of root runs as another user.
    if (process.getuid() === 0) chmodSync(folder, 0o711);
  });
  afterEach(async () => {
    for (const infra of running) await infra.stop();
    rmSync(folder, { recursive: true });
  });

  it('keep data and ports over a restart', async () => {
    const first = await start();
    await query(first.DATABASE_URL, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await redis(first.REDIS_URL, (client) => client.set('kept', '42'));
    await first.stop();

    const second = await start();
    expect(second).toMatchObject({ DATABASE_URL: first.DATABASE_URL, REDIS_URL: first.REDIS_URL });
    expect(await query(second.DATABASE_URL, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    expect(await redis(second.REDIS_URL, (client) => client.get('kept'))).toBe('42');
  });

  it('are adopted, not started twice, when their launcher went without stopping them', async () => {
    const first = await start();
    const pid = postmaster();
    const second = await start();
    expect(second.DATABASE_URL).toBe(first.DATABASE_URL);
    expect(postmaster()).toBe(pid);
  });

  it('go down with the last of those who share them', async () => {
    const first = await start();
    const pid = postmaster();
    await first.stop();
    expect(isAlive(pid)).toBe(false);
    expect(existsSync(join(folder, 'postgres/postmaster.pid'))).toBe(false);
  });

  it('come back with what was committed after Postgres was killed with -9', async () => {
    const first = await start();
    await query(first.DATABASE_URL, 'CREATE TABLE kept AS SELECT 42 AS answer');
    const pid = postmaster();
    process.kill(pid, 'SIGKILL');
    await until(() => !isAlive(pid), 5_000);
    const second = await start();
    expect(await query(second.DATABASE_URL, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('are started again where they were when they die while in use', async () => {
    const infra = await start();
    expect(await infra.revive()).toEqual([]);
    const pids = [postmaster(), parseInt(readFileSync(join(folder, 'redis/redis.pid'), 'utf8'), 10)];
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    await until(() => !pids.some(isAlive), 5_000);
    expect(await infra.revive()).toEqual(['Postgres', 'Redis']);
    expect(await query(infra.DATABASE_URL, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(await redis(infra.REDIS_URL, (client) => client.ping())).toBe('PONG');
  });

  it('wait for what is left of a killed Postgres, which finishes its statement first', async () => {
    const infra = await start();
    const client = new pg.Client({ connectionString: infra.DATABASE_URL });
    client.on('error', () => {});
    await client.connect();
    // A statement that only computes does not see that its server is gone.
    const busy = `DO $$ DECLARE until timestamptz := clock_timestamp() + interval '5 s';
      BEGIN WHILE clock_timestamp() < until LOOP END LOOP; END $$`;
    const ended = client.query(busy).then(
      () => undefined,
      () => undefined,
    );
    const isBusy = `SELECT FROM pg_stat_activity WHERE query LIKE 'DO %' AND state = 'active'`;
    await until(async () => (await query(infra.DATABASE_URL, isBusy)).length > 0);
    process.kill(postmaster(), 'SIGKILL');
    await until(() => infra.dead().length > 0);
    expect(await infra.revive()).toEqual(['Postgres']);
    expect(await query(infra.DATABASE_URL, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await ended;
  });

  it('move to another port when a stranger has taken theirs', async () => {
    const first = await start();
    await first.stop();
    const port = Number(new URL(first.REDIS_URL).port);
    const stranger = createServer((socket) => socket.resume().end('+PONG\r\n'));
    await new Promise((resolve) => stranger.listen(port, '127.0.0.1', resolve));
    try {
      const second = await start();
      expect(new URL(second.REDIS_URL).port).not.toBe(String(port));
      expect(await redis(second.REDIS_URL, (client) => client.ping())).toBe('PONG');
    } finally {
      await new Promise((resolve) => stranger.close(resolve));
    }
  });

  it('let nobody in without the password, which only the owner can read', async () => {
    const { DATABASE_URL, REDIS_URL } = await start();
    await expect(query(DATABASE_URL.replace(/:[^:@]+@/, ':wrong@'), 'SELECT 1')).rejects.toThrow(
      'password authentication failed',
    );
    await expect(redis(REDIS_URL.replace(/:[^:@]+@/, ':wrong@'), (client) => client.ping())).rejects.toThrow(
      /WRONGPASS|NOAUTH/,
    );
    expect(statSync(join(folder, 'infra.json')).mode & 0o077).toBe(0);
  });

  it('stay away when the environment names others', async () => {
    const infra = await start({ env: { DATABASE_URL: 'postgres://elsewhere/db', REDIS_URL: 'redis://elsewhere' } });
    expect(infra).toMatchObject({ DATABASE_URL: 'postgres://elsewhere/db', REDIS_URL: 'redis://elsewhere' });
    expect(existsSync(join(folder, 'postgres'))).toBe(false);
  });
});
