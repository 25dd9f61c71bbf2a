// Locks between processes of one machine, as files that name their holder; the lock of a dead holder is void.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, startedAt } from './infra/processes.mjs';

/** Who holds the lock, as it was written: `{ pid, startedAt, …about }`; undefined when nobody alive does. */
export function lockHolder(path) {
  try {
    const holder = JSON.parse(readFileSync(path, 'utf8'));
    return isAlive(holder.pid) && startedAt(holder.pid) === holder.startedAt ? holder : undefined;
  } catch {
    return undefined;
  }
}

/** Takes the lock, or gives its holder. `about` is written into the file for others to read. */
export function tryLock(path, about = {}) {
  const mine = JSON.stringify({ pid: process.pid, startedAt: startedAt(process.pid), ...about });
  for (;;) {
    try {
      writeFileSync(path, mine, { flag: 'wx', mode: 0o644 });
      return { release: () => rmSync(path, { force: true }) };
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const holder = lockHolder(path);
    if (holder) return { holder };
    rmSync(path, { force: true });
  }
}

/** Runs `work` while holding the lock, waiting for it as long as its holder lives. */
export async function withLock(path, work) {
  let lock = tryLock(path);
  while (!lock.release) {
    await sleep(50);
    lock = tryLock(path);
  }
  try {
    return await work();
  } finally {
    lock.release();
  }
}
