// Postgres and Redis for one test run, gone with their files afterwards.
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startInfra } from './index.mjs';
import { isAlive, stopProcess } from './processes.mjs';

const PREFIX = 'mcp-router-throwaway-';

/**
 * Starts them. What an owner that was killed left behind is cleared first.
 *
 * @returns `{ DATABASE_URL, REDIS_URL, folder, stop }`
 */
export async function startThrowAway(env = {}) {
  await sweep();
  const folder = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
  chmodSync(folder, 0o711); // The Postgres of root runs as another user and must get in.
  const infra = await startInfra({ folder, env, volatile: true });
  const stop = async () => {
    await infra.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  return { ...infra, folder, stop };
}

async function sweep() {
  const leftovers = readdirSync(tmpdir())
    .filter((name) => name.startsWith(PREFIX) && !isAlive(Number(name.slice(PREFIX.length).split('-')[0])))
    .map((name) => join(tmpdir(), name))
    .filter((folder) => statSync(folder, { throwIfNoEntry: false })?.uid === process.getuid());
  for (const folder of leftovers) {
    await Promise.all([
      stopServer(join(folder, 'postgres/postmaster.pid'), 'SIGINT', folder),
      stopServer(join(folder, 'redis/redis.pid'), 'SIGTERM', join(folder, 'redis')),
    ]);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Stops the process named by `pidFile` if its working folder shows that it still is that server. */
async function stopServer(pidFile, signal, below) {
  if (!existsSync(pidFile)) return;
  const pid = parseInt(readFileSync(pidFile, 'utf8'), 10);
  try {
    if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(below)) return;
  } catch {
    return; // It has gone, or there is no /proc to prove who it is.
  }
  await stopProcess(pid, { signal });
}
