// Postgres and Redis for one data folder: those of the environment, else our own.
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lockHolder, tryLock, withLock } from '../lock.mjs';
import { startPostgres } from './postgres.mjs';
import { startRedis } from './redis.mjs';

/**
 * Brings up what `env` does not already name. Several launchers may share one data folder: the last to stop takes the servers down.
 *
 * @param folder    the data folder; it remembers ports and passwords in `infra.json`
 * @param volatile  for throw-away instances: fast, lost on a crash
 * @returns `{ DATABASE_URL, REDIS_URL, stop }`
 */
export async function startInfra({ folder, env = process.env, volatile = false }) {
  const users = join(folder, 'users');
  mkdirSync(users, { recursive: true });
  const lock = join(folder, 'infra.lock');
  const self = tryLock(join(users, String(process.pid)));

  const servers = await withLock(lock, () => startServers(realpathSync(folder), env, volatile));
  const stop = () =>
    withLock(lock, async () => {
      self.release?.();
      const others = readdirSync(users).filter((name) => lockHolder(join(users, name)));
      if (others.length === 0) await servers.stop();
    });
  return { ...servers, stop };
}

async function startServers(folder, env, volatile) {
  const file = join(folder, 'infra.json');
  const memory = { postgres: {}, redis: {}, ...(existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}) };
  // Called before the servers start: a launcher killed meanwhile must leave what the next one needs to adopt them.
  const remember = () => {
    writeFileSync(`${file}.new`, JSON.stringify(memory, null, 2), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  };
  const given = (url) => ({ url, stop: async () => {} });
  const started = await Promise.allSettled([
    env.DATABASE_URL ? given(env.DATABASE_URL) : startPostgres({ folder, volatile, memory: memory.postgres, remember }),
    env.REDIS_URL ? given(env.REDIS_URL) : startRedis({ folder, volatile, memory: memory.redis, remember }),
  ]);
  const stop = () => Promise.all(started.map(({ value }) => value?.stop()));
  const failed = started.find(({ status }) => status === 'rejected');
  if (failed) {
    await stop();
    throw failed.reason;
  }
  const [postgres, redis] = started.map(({ value }) => value);
  return { DATABASE_URL: postgres.url, REDIS_URL: redis.url, stop };
}
