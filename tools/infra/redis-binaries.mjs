// Finds a Redis or Valkey server: on PATH, else Debian's packages unpacked into the user's cache, without installing anything.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

const OLDEST = [6, 2];
const KNOWN_PACKAGES = ['redis-server', 'redis-tools', 'libjemalloc2', 'liblzf1', 'libatomic1'];
const PROGRAMS = ['valkey-server', 'redis-server'];

/** `{ command, env }` of a server that runs here. `fallbackCache` serves when there is no home to keep a cache in. */
export function findRedis(fallbackCache) {
  const onPath = systemCommand();
  if (onPath) return { command: onPath, env: {} };
  const faults = [];
  for (const cache of [join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'mcp-router'), fallbackCache]) {
    try {
      return cachedPackages(cache);
    } catch (error) {
      faults.push(error.message);
    }
  }
  throw new Error(
    'No Redis or Valkey server is on the PATH, and Debian packages could not be unpacked:\n' +
      `  ${faults.join('\n  ')}\n` +
      '  Debian, Ubuntu:  sudo apt-get install redis-server\n' +
      '  macOS:           brew install valkey\n' +
      '  Docker:          docker run -d -p 6379:6379 valkey/valkey\n' +
      'or set REDIS_URL=redis://host:6379.',
  );
}

function systemCommand() {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/opt/homebrew/bin', '/usr/local/bin'];
  const paths = PROGRAMS.flatMap((program) => folders.map((folder) => join(folder, program)));
  return paths.find((path) => existsSync(path) && isRecent(path, {}));
}

function isRecent(command, env) {
  const { stdout } = spawnSync(command, ['--version'], { encoding: 'utf8', env: { ...process.env, ...env } });
  const [, major, minor] = /v=(\d+)\.(\d+)/.exec(stdout ?? '') ?? [];
  return Number(major) > OLDEST[0] || (Number(major) === OLDEST[0] && Number(minor) >= OLDEST[1]);
}

/** The unpacked packages of the cache, fetched when missing or when a file is not what was unpacked. */
function cachedPackages(cache) {
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  const codename = /^VERSION_CODENAME="?([\w.-]+)/m.exec(release)?.[1] ?? 'unknown';
  const folder = join(cache, `redis-${codename}-${process.arch}`);
  if (!isIntact(folder)) fetchPackages(cache, folder);
  const env = { LD_LIBRARY_PATH: libraryFolders(folder).join(delimiter) };
  const command = PROGRAMS.map((program) => join(folder, 'usr/bin', program)).find((path) => existsSync(path));
  if (!command || !isRecent(command, env)) {
    rmSync(folder, { recursive: true, force: true });
    throw new Error(`The Redis unpacked into ${folder} does not run here`);
  }
  return { command, env };
}

/** Ours, closed to others, and byte for byte what was unpacked: a cache is never a way to run someone else's program. */
function isIntact(folder) {
  const stamp = `${folder}.sha256`;
  if (!existsSync(folder) || !existsSync(stamp)) return false;
  const isOurs = [folder, stamp].every((path) => {
    const { uid, mode } = lstatSync(path);
    return uid === process.getuid() && (mode & 0o022) === 0;
  });
  return isOurs && readFileSync(stamp, 'utf8') === contentHash(folder);
}

function contentHash(folder) {
  const hash = createHash('sha256');
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const path of entries.map((entry) => join(entry.parentPath ?? entry.path, entry.name)).sort())
    hash
      .update(`${path.slice(folder.length)}\0`)
      .update(readFileSync(path))
      .update('\0');
  return hash.digest('hex');
}

const libraryFolders = (folder) =>
  ['usr/lib', 'lib']
    .map((lib) => join(folder, lib))
    .filter((lib) => existsSync(lib))
    .flatMap((lib) =>
      readdirSync(lib, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => join(lib, entry.name)),
    );

/** Downloads the server and whatever it needs that is not installed, and unpacks it. apt checks the signatures; no rights are needed. */
function fetchPackages(cache, folder) {
  mkdirSync(cache, { recursive: true, mode: 0o755 });
  const work = mkdtempSync(join(cache, 'unpack-'));
  try {
    const archives = download(work);
    const files = join(work, 'files');
    for (const archive of archives) execFileSync('dpkg-deb', ['-x', archive, files], { stdio: 'ignore' });
    // Only programs and libraries are of use.
    for (const entry of readdirSync(files))
      if (!['usr', 'lib'].includes(entry)) rmSync(join(files, entry), { recursive: true });
    for (const entry of ['usr/share', 'usr/sbin', 'usr/lib/systemd', 'lib/systemd'])
      rmSync(join(files, entry), { recursive: true, force: true });
    rmSync(folder, { recursive: true, force: true });
    renameSync(files, folder);
    writeFileSync(`${folder}.sha256`, contentHash(folder), { mode: 0o644 });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The .deb files. First with the package lists of the system, then with lists of our own. */
function download(work) {
  const archives = join(work, 'archives');
  for (const folder of ['archives/partial', 'lists/partial', 'state'])
    mkdirSync(join(work, folder), { recursive: true });
  const base = [
    '-q',
    '-y',
    '-o',
    'Debug::NoLocking=1',
    '-o',
    `Dir::Cache=${work}`,
    '-o',
    `Dir::Cache::archives=${archives}`,
  ];
  if (process.getuid() === 0) base.push('-o', 'APT::Sandbox::User=root');
  const own = ['-o', `Dir::State::lists=${join(work, 'lists')}`, '-o', 'Dir::State::status=/var/lib/dpkg/status'];
  const apt = (args) =>
    spawnSync('apt-get', [...base, ...args], {
      cwd: archives, // where `download` writes
      encoding: 'utf8',
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
    });
  const install = ['install', '--download-only', '--no-install-recommends'];

  const debs = () =>
    readdirSync(archives)
      .filter((name) => name.endsWith('.deb'))
      .map((name) => join(archives, name));

  let fault = '';
  for (const lists of [[], own]) {
    if (lists.length > 0) apt([...lists, 'update']);
    for (const server of ['redis-server', 'valkey-server']) {
      const { status, stderr, error } = apt([...lists, ...install, server]);
      if (error) throw new Error(`apt-get is not here (${error.code})`);
      if (status === 0 && debs().length > 0) return debs();
      fault ||= stderr.trim();
    }
    // Where the system's own packages are at odds with each other, apt resolves nothing; then take what Debian 12 needs by name.
    if (apt([...lists, 'download', ...KNOWN_PACKAGES]).status === 0) return debs();
  }
  throw new Error(`apt-get could not download redis-server: ${fault.split('\n').slice(0, 3).join(' ')}`);
}
