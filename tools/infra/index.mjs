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
 * @returns `{ DATABASE_URL, REDIS_URL, stop, revive }`; `revive` starts again what has died and gives the names of it
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
  const revive = async () => (servers.dead().length > 0 ? withLock(lock, servers.revive) : []);
  return { ...servers, stop, revive };
}

const NAMES = { DATABASE_URL: 'Postgres', REDIS_URL: 'Redis' };

async function startServers(folder, env, volatile) {
  const file = join(folder, 'infra.json');
  const memory = { postgres: {}, redis: {}, ...(existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}) };
  // Called before the servers start: a launcher killed meanwhile must leave what the next one needs to adopt them.
  const remember = () => {
    writeFileSync(`${file}.new`, JSON.stringify(memory, null, 2), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  };
  const options = { folder, volatile, remember };
  const starters = {
    DATABASE_URL: () => startPostgres({ ...options, memory: memory.postgres }),
    REDIS_URL: () => startRedis({ ...options, memory: memory.redis }),
  };
  const servers = {};
  const start = async (name) => (servers[name] = env[name] ? given(env[name]) : await starters[name]());
  const stop = () => Promise.all(Object.values(servers).map((server) => server.stop()));

  const started = await Promise.allSettled(Object.keys(starters).map(start));
  const failed = started.find(({ status }) => status === 'rejected');
  if (failed) {
    await stop();
    throw failed.reason;
  }
  const { DATABASE_URL, REDIS_URL } = servers;
  const urls = { DATABASE_URL: DATABASE_URL.url, REDIS_URL: REDIS_URL.url };
  const dead = () => Object.keys(servers).filter((name) => !servers[name].isRunning());
  const revive = async () => {
    const revived = dead();
    for (const name of revived) {
      await start(name);
      // The services were told the old address.
      if (servers[name].url !== urls[name]) throw new Error(`${NAMES[name]} had to move to another port; start again`);
    }
    return revived.map((name) => NAMES[name]).sort();
  };
  return { ...urls, stop, dead, revive };
}

/** A server that someone else looks after. */
const given = (url) => ({ url, isRunning: () => true, stop: async () => {} });
