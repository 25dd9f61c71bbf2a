// `npm run bench -- <name> [args]`: runs bench/<name>.bench.{mjs,ts} with throw-away Postgres and Redis and the apps built.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ensureInstalled, requireNode } from './install.mjs';
import { ROOT } from './workspace.mjs';

const FOLDER = join(ROOT, 'bench');
const SUFFIX = /\.bench\.(mjs|ts)$/;

const [name, ...args] = process.argv.slice(2);
const file = readdirSync(FOLDER).find((entry) => SUFFIX.test(entry) && entry.replace(SUFFIX, '') === name);
if (!file) {
  const names = readdirSync(FOLDER).filter((entry) => SUFFIX.test(entry));
  console.error(`Which benchmark? One of: ${names.map((entry) => entry.replace(SUFFIX, '')).join(', ')}`);
  process.exit(2);
}

requireNode();
await ensureInstalled();
await ensureInstalled(FOLDER);
const { build } = await import('./build.mjs');
await build();
const script = file.endsWith('.ts') ? await bundle(file) : join(FOLDER, file);
const { startThrowAway } = await import('./infra/throw-away.mjs');
let child;
// Ctrl-C reaches the benchmark from the terminal; here it only must not end us before the servers are down.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child?.kill(signal));
const infra = await startThrowAway();

child = spawn(process.execPath, ['--expose-gc', '--enable-source-maps', script, ...args], {
  cwd: ROOT,
  stdio: 'inherit',
  env: { ...process.env, DATABASE_URL: infra.DATABASE_URL, REDIS_URL: infra.REDIS_URL },
});
const code = await new Promise((resolve) => child.once('exit', (status) => resolve(status ?? 1)));
await infra.stop();
process.exit(code);

/** A benchmark in TypeScript may use the libs. Its bundle lies below bench/, where the compared packages are installed. */
async function bundle(entry) {
  const { bundleSettings } = await import('./build.mjs');
  const { build: rolldown } = await import('rolldown');
  const dir = join(FOLDER, 'dist');
  await rolldown(bundleSettings({ [name]: join(FOLDER, entry) }, dir));
  const output = join(dir, `${name}.mjs`);
  if (!existsSync(output)) throw new Error(`${entry} gave no bundle`);
  return output;
}
