// A PostgreSQL server of our own on a data folder: made when missing, adopted when a killed launcher left it running.
import { spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  closeSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { findPostgres, isReachable, reachableBinaries, serverUser } from './postgres-binaries.mjs';
import { freePort, isAlive, stopProcess, until } from './processes.mjs';

const DATABASE = 'mcp_router';
const START_ATTEMPTS = 5;
/** A backend of a killed server goes on until its statement is done, and holds the memory of the server so long. */
const HELD_ATTEMPTS = 45;
const HELD = /pre-existing shared memory block/;
const LONGEST_PAUSE_MS = 1_000;
/** Throw-away servers need not survive a power cut. */
const VOLATILE = ['-c', 'fsync=off', '-c', 'synchronous_commit=off', '-c', 'full_page_writes=off'];

/**
 * Starts, or adopts, the server of `<folder>/postgres`.
 *
 * @param folder    the data folder
 * @param memory    what the data folder remembers: `{ port?, password? }`, completed here
 * @param remember  writes it down, before the server starts
 * @param volatile  for tests: fast, and not safe against a power cut
 * @returns `{ url, isRunning, stop }`
 */
export async function startPostgres({ folder, memory, remember, volatile = false }) {
  const user = serverUser();
  const data = await dataFolder(folder, user);
  memory.password ??= randomBytes(18).toString('base64url');

  const adopted = await adopt(data, memory);
  if (adopted) return adopted;

  const major = existsSync(join(data, 'PG_VERSION'))
    ? parseInt(readFileSync(join(data, 'PG_VERSION'), 'utf8'), 10)
    : undefined;
  const bin = reachableBinaries(findPostgres(major).bin, user);
  if (!major) initialise(bin, data, memory.password, user);

  const log = join(folder, 'postgres.log');
  for (let attempt = 1; ; attempt++) {
    memory.port = await freePort(memory.port);
    remember();
    const pid = await launch({ bin, data, log, port: memory.port, user, extra: volatile ? VOLATILE : [] });
    if (pid) break;
    if (attempt >= (HELD.test(tail(log)) ? HELD_ATTEMPTS : START_ATTEMPTS))
      throw new Error(`PostgreSQL does not start. Its log ${log} ends with:\n${tail(log)}`);
    await sleep(Math.min(attempt * 200, LONGEST_PAUSE_MS));
  }
  await ensureDatabase(memory);
  return handle(data, memory);
}

const connectionUrl = ({ port, password }, database = DATABASE) =>
  `postgres://postgres:${password}@127.0.0.1:${port}/${database}`;

const handle = (data, memory) => ({
  url: connectionUrl(memory),
  isRunning: () => isServer(lockFile(data)?.pid),
  stop: () => stop(data),
});

const tail = (path) => readFileSync(path, 'utf8').split('\n').slice(-15).join('\n');

/** Where the files are. Root's server runs as another user, who cannot reach a folder below /root; then it is elsewhere behind a link. */
async function dataFolder(folder, user) {
  const path = join(folder, 'postgres');
  if (!user) return path;
  const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink();
  if (isLink) {
    mkdirSync(readlinkSync(path), { recursive: true });
    return readlinkSync(path);
  }
  if (isReachable(folder, user)) return path;
  const name = createHash('sha256').update(realpathSync(folder)).digest('hex').slice(0, 16);
  const elsewhere = `/var/lib/mcp-router/${name}/postgres`;
  // Without the link this is what remains of a data folder that was deleted.
  await stop(elsewhere);
  rmSync(elsewhere, { recursive: true, force: true });
  mkdirSync(elsewhere, { recursive: true });
  symlinkSync(elsewhere, path);
  return elsewhere;
}

function initialise(bin, data, password, user) {
  mkdirSync(data, { recursive: true });
  chmodSync(data, 0o700);
  const passwordFile = `${data}.password`;
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (user) for (const path of [data, passwordFile]) chownSync(path, user.uid, user.gid);
  const args = [
    '-D',
    data,
    '-U',
    'postgres',
    '--encoding=UTF8',
    '--locale=C',
    '--auth=scram-sha-256',
    `--pwfile=${passwordFile}`,
  ];
  const { status, stderr, stdout } = spawnSync(join(bin, 'initdb'), args, { cwd: '/', encoding: 'utf8', ...user });
  rmSync(passwordFile, { force: true });
  if (status !== 0) throw new Error(`initdb failed in ${data}:\n${stdout}${stderr}`);
}

/** Starts the server in a session of its own and gives its pid when it accepts connections, undefined when it ended. */
async function launch({ bin, data, log, port, user, extra }) {
  const output = openSync(log, 'w');
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: 200,
    shared_buffers: '64MB',
    jit: 'off',
    // The applications log what they refuse; here only what stops the server counts, so the file stays small.
    log_min_messages: 'fatal',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const server = spawn(join(bin, 'postgres'), ['-D', data, '-p', String(port), ...args, ...extra], {
    cwd: '/',
    detached: true,
    stdio: ['ignore', output, output],
    ...user,
  });
  closeSync(output);
  let ended = false;
  server.once('exit', () => (ended = true));
  server.once('error', () => (ended = true));
  server.unref();
  const ready = await until(() => ended || (lockFile(data)?.pid === server.pid && lockFile(data).ready), 30_000);
  return ready && !ended ? server.pid : undefined;
}

/** What a running server says about itself in postmaster.pid. */
function lockFile(data) {
  try {
    const lines = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n');
    return { pid: Number(lines[0]), port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' };
  } catch {
    return undefined;
  }
}

/** The server that already runs on this data folder, proven by asking it; a stale lock file is removed. */
async function adopt(data, memory) {
  const lock = lockFile(data);
  if (!lock) return undefined;
  if (!isServer(lock.pid)) {
    rmSync(join(data, 'postmaster.pid'), { force: true });
    return undefined;
  }
  await until(() => lockFile(data)?.ready, 30_000);
  const client = new pg.Client({ connectionString: connectionUrl({ ...memory, port: lock.port }, 'postgres') });
  await client.connect();
  try {
    const { rows } = await client.query('SHOW data_directory');
    if (realpathSync(rows[0].data_directory) !== realpathSync(data)) return undefined;
  } finally {
    await client.end();
  }
  memory.port = lock.port;
  await ensureDatabase(memory);
  return handle(data, memory);
}

function isServer(pid) {
  if (!pid || !isAlive(pid)) return false;
  try {
    return /postgres/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
  } catch {
    return true; // No /proc to tell whether the pid was given to another program since.
  }
}

async function ensureDatabase(memory) {
  const client = new pg.Client({ connectionString: connectionUrl(memory, 'postgres') });
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
  } finally {
    await client.end();
  }
}

/** SIGINT is PostgreSQL's fast shutdown: sessions end, a checkpoint is written. */
async function stop(data) {
  const lock = lockFile(data);
  if (isServer(lock?.pid)) await stopProcess(lock.pid, { signal: 'SIGINT' });
}
