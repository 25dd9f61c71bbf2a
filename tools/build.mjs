// Bundles apps into dist/apps/<app>/*.mjs: `node tools/build.mjs [--force] [app…]`. An app whose inputs did not change is left alone.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { withLock } from './lock.mjs';
import { APPS, ROOT } from './workspace.mjs';

const OUTPUT = join(ROOT, 'dist/apps');
/** Besides main.ts, files that an app runs as a thread or a child process become bundles of their own. */
const EXTRA_ENTRY = /\.(worker|child)\.ts$/;
const NOT_SHIPPED = /\.spec\.ts$|(^|\/)(testing|fixtures)\//;

/** Every shipped source file below `folder`, as sorted paths relative to the workspace. */
function sources(folder) {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(ROOT.length + 1))
    .filter((path) => !NOT_SHIPPED.test(path))
    .sort();
}

/** A hash of all that decides the bundle: the app, the libs, the tools that build it and the locked dependencies. */
function inputsHash(app) {
  const hash = createHash('sha256');
  const settings = ['tools/build.mjs', 'tsconfig.base.json', 'package-lock.json'];
  for (const path of [...settings, ...sources('libs'), ...sources(`apps/${app}/src`)])
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(ROOT, path)))
      .update('\0');
  return hash.digest('hex');
}

/** The rolldown options of one app; `serve.mjs` watches with the same. */
export function bundleOptions(app, dir = join(OUTPUT, app)) {
  const extra = sources(`apps/${app}/src`).filter((path) => EXTRA_ENTRY.test(path));
  const entries = [`apps/${app}/src/main.ts`, ...extra].map((path) => [basename(path, '.ts'), join(ROOT, path)]);
  return bundleSettings(Object.fromEntries(entries), dir);
}

/** How TypeScript of this workspace becomes ES modules in `dir`: `input` maps output names to source files. */
export function bundleSettings(input, dir) {
  return {
    cwd: ROOT,
    input,
    platform: 'node',
    tsconfig: join(ROOT, 'tsconfig.base.json'),
    // Packages stay in node_modules; the bundler's own runtime must not.
    external: (id) => /^[\w@]/.test(id) && !/^(@oxc-project|@mcp-router)\//.test(id),
    transform: {
      target: 'node20',
      assumptions: { setPublicClassFields: true },
      typescript: { removeClassFieldsWithoutInitializer: true },
    },
    logLevel: 'warn',
    output: {
      dir,
      format: 'esm',
      sourcemap: true,
      keepNames: true,
      entryFileNames: '[name].mjs',
      chunkFileNames: '[name]-[hash].mjs',
      // What the sources may use as CommonJS, which the tests run them as.
      banner: 'const { filename: __filename, dirname: __dirname } = import.meta;',
    },
  };
}

const isStale = ({ app, hash }) => {
  const stamp = join(OUTPUT, app, '.inputs');
  return !existsSync(stamp) || readFileSync(stamp, 'utf8') !== hash;
};

/** The apps whose bundles are not those of the sources. */
export const staleApps = () => APPS.filter((app) => isStale({ app, hash: inputsHash(app) }));

/**
 * Brings the bundles of `apps` up to date. Each is exchanged as a whole, so running services never see half of one.
 *
 * @returns the apps that had to be built
 */
export async function build(apps = APPS, { force = false } = {}) {
  const wanted = apps.map((app) => ({ app, hash: inputsHash(app) }));
  const isWanted = (bundle) => force || isStale(bundle);
  if (!wanted.some(isWanted)) return [];

  mkdirSync(OUTPUT, { recursive: true });
  return withLock(join(OUTPUT, '.build.lock'), async () => {
    const stale = wanted.filter(isWanted);
    const { build: bundle } = await import('rolldown');
    await Promise.all(
      stale.map(async ({ app, hash }) => {
        const fresh = join(OUTPUT, `.${app}.new`);
        rmSync(fresh, { recursive: true, force: true });
        await bundle(bundleOptions(app, fresh));
        writeFileSync(join(fresh, '.inputs'), hash);
        rmSync(join(OUTPUT, app), { recursive: true, force: true });
        renameSync(fresh, join(OUTPUT, app));
      }),
    );
    return stale.map(({ app }) => app);
  });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const args = process.argv.slice(2);
  const chosen = args.filter((arg) => !arg.startsWith('-'));
  const unknown = chosen.filter((app) => !APPS.includes(app));
  if (unknown.length > 0) {
    console.error(`Unknown app: ${unknown.join(', ')}. There are: ${APPS.join(', ')}`);
    process.exit(2);
  }
  const built = await build(chosen.length > 0 ? chosen : APPS, { force: args.includes('--force') });
  console.log(built.length > 0 ? `built ${built.join(', ')}` : 'nothing to build');
}
