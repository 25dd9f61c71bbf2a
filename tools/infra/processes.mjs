// Small facts about processes and ports that every launcher needs.
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Whether `pid` runs. A zombie does not: where PID 1 reaps late, signal 0 still finds it. */
export function isAlive(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code !== 'EPERM') return false;
  }
  return stat(pid)?.[0] !== 'Z';
}

/** The fields of /proc/<pid>/stat from the state on; undefined where there is no such process or no /proc. */
function stat(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

export const parentOf = (pid) => stat(pid)?.[1];

/** The start time in clock ticks since boot, which tells a reused pid apart. */
export const startedAt = (pid) => stat(pid)?.[19];

/** The name of the program that `pid` runs. */
export function commandOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** Polls `condition` until it gives a truthy value. Gives undefined after `timeoutMs`. */
export async function until(condition, timeoutMs, everyMs = 20) {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) return undefined;
    await sleep(everyMs);
  }
}

/** Sends `signal`, waits, then SIGKILL. `pid` may be negative for a process group. */
export async function stopProcess(pid, { signal = 'SIGTERM', graceMs = 8_000 } = {}) {
  const send = (name) => {
    try {
      process.kill(pid, name);
    } catch {
      // It has gone by itself.
    }
  };
  send(signal);
  if (await until(() => !isAlive(pid), graceMs)) return;
  send('SIGKILL');
  await until(() => !isAlive(pid), 2_000);
}

function canListen(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** Below the range that systems give to outgoing connections, so that a port kept for the next start is seldom taken meanwhile. */
const OWN_PORTS = [15_000, 32_000];

/** `preferred` when nobody listens there, else a random free port. */
export async function freePort(preferred) {
  for (let port = preferred ?? randomInt(...OWN_PORTS); ; port = randomInt(...OWN_PORTS))
    if (await canListen(port)) return port;
}
