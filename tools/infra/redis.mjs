// A Redis server of our own on a data folder: adopted when a killed launcher left it running, never a stranger's.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { findRedis } from './redis-binaries.mjs';
import { freePort, isAlive, stopProcess, until } from './processes.mjs';

const START_ATTEMPTS = 5;
const ANSWER_MS = 2_000;

/**
 * Starts, or adopts, the server of `<folder>/redis`.
 *
 * @param folder    the data folder
 * @param memory    what the data folder remembers: `{ port?, password? }`, completed here
 * @param remember  writes it down, before the server starts
 * @param volatile  for tests: nothing is written to disk
 * @returns `{ url, isRunning, stop }`
 */
export async function startRedis({ folder, memory, remember, volatile = false }) {
  const data = join(folder, 'redis');
  mkdirSync(data, { recursive: true, mode: 0o700 });
  memory.password ??= randomBytes(18).toString('base64url');

  const running = memory.port && (await identify(memory, data));
  if (running) return handle(running.pid, memory);

  const { command, env } = findRedis(folder);
  for (let attempt = 1; attempt <= START_ATTEMPTS; attempt++) {
    memory.port = await freePort(memory.port);
    remember();
    writeFileSync(join(data, 'redis.conf'), configuration(data, memory, volatile), { mode: 0o600 });
    const server = spawn(command, [join(data, 'redis.conf')], {
      cwd: data,
      detached: true,
      stdio: 'ignore',
      env: { ...process.env, ...env },
    });
    let ended = false;
    server.once('exit', () => (ended = true));
    server.once('error', () => (ended = true));
    server.unref();
    const ready = await until(async () => ended || (await identify(memory, data)), 30_000);
    if (ready && !ended) return handle(server.pid, memory);
  }
  const log = readFileSync(join(data, 'redis.log'), 'utf8').split('\n').slice(-10).join('\n');
  throw new Error(`Redis does not start. Its log ${join(data, 'redis.log')} ends with:\n${log}`);
}

const connectionUrl = ({ port, password }) => `redis://:${password}@127.0.0.1:${port}`;

const handle = (pid, memory) => ({
  url: connectionUrl(memory),
  isRunning: () => isAlive(pid),
  stop: () => stopProcess(pid),
});

const configuration = (data, { port, password }, volatile) => `bind 127.0.0.1
port ${port}
dir "${data}"
requirepass ${password}
pidfile redis.pid
logfile redis.log
loglevel warning
daemonize no
maxmemory-policy noeviction
client-output-buffer-limit pubsub 256mb 64mb 60
${volatile ? 'appendonly no\nsave ""' : 'appendonly yes\nappendfsync everysec'}
`;

/** The pid of the server that listens on our port, if it is ours: it takes our password and works in our folder. */
async function identify({ port, password }, data) {
  const redis = new Redis({ host: '127.0.0.1', port, password, lazyConnect: true, retryStrategy: null });
  redis.on('error', () => {}); // The failed command below says it.
  const ask = async () => {
    await redis.connect();
    const [, folder] = await redis.config('GET', 'dir');
    if (realpathSync(folder) !== realpathSync(data)) return undefined;
    return { pid: Number(/process_id:(\d+)/.exec(await redis.info('server'))[1]) };
  };
  // A stranger may listen there and never answer.
  const giveUp = sleep(ANSWER_MS, undefined, { ref: false });
  try {
    return await Promise.race([ask(), giveUp]);
  } catch {
    return undefined;
  } finally {
    redis.disconnect();
  }
}
