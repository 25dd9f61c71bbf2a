// `npm test [-- <suite|path>…]`: everything that can be checked, on throw-away servers. The last line is `N passed, N failed`.
//   npm test                     all suites
//   npm test -- unit lint        those suites
//   npm test -- apps/router      the tests whose path matches
//   npm run test:long            the soak and scale tests
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureInstalled, requireNode } from './install.mjs';
import { afterRepeating, countsByFile, failedFiles, total } from './test-report.mjs';
import { ROOT } from './workspace.mjs';

const MINUTES = 60_000;
const bin = (name) => join(ROOT, 'node_modules/.bin', name);
const jestSuite = (tests, workers) => ({ tests, workers, limitMs: 40 * MINUTES });
const check = (...command) => ({ command, limitMs: 15 * MINUTES });
/** How long Jest may take to exit after it has written its report. */
const EXIT_MS = 20_000;

const SUITES = {
  format: check(bin('prettier'), '--check', '--log-level=warn', '.'),
  lint: check(bin('eslint'), '.', '--max-warnings=0'),
  types: check(bin('tsc'), '-p', 'tsconfig.json'),
  unit: jestSuite(String.raw`(?<!\.(int|e2e|long))\.spec\.(ts|mjs)$`, 2),
  integration: { ...jestSuite(String.raw`\.int\.spec\.(ts|mjs)$`, 2), infra: true, repeats: true },
  e2e: { ...jestSuite(String.raw`\.e2e\.spec\.ts$`, 2), infra: true, build: true, repeats: true },
  long: {
    ...jestSuite(String.raw`\.long\.spec\.ts$`, 1),
    infra: true,
    build: true,
    limitMs: 120 * MINUTES,
  },
};
/** What runs side by side: the checks need one core; end-to-end tests start dozens of processes, so they come when it is quiet. */
const LANES = [
  ['format', 'types', 'lint'],
  ['unit', 'integration'],
];
const LAST = ['e2e', 'long'];

/** Of the surroundings, tests see nothing that could point them at a running instance. */
function cleanEnv() {
  const ours =
    /^(DATABASE_URL|REDIS_URL|ADMIN_KEY|PORT|HOST|ANONYMOUS_ACCESS|NODE_ENV|HEALTH_PORT|MCPR_.*|FLAG_.*|npm_.*)$/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
}

/** What the command line asks for: suite names choose suites, the rest are paths for Jest. */
function chosen(args) {
  const words = args.filter((arg) => arg !== '--long');
  const named = words.filter((word) => word in SUITES);
  const paths = words.filter((word) => !(word in SUITES));
  if (args.includes('--long')) return { suites: ['long'], paths };
  if (named.length > 0) return { suites: named, paths };
  if (paths.length > 0) return { suites: ['unit', 'integration', 'e2e'], paths };
  return { suites: Object.keys(SUITES).filter((name) => name !== 'long'), paths };
}

const children = new Set();
/** Somebody wants the end: nothing more is started. */
let isStopping = false;

/**
 * Runs a command to its end and gives `{ ok, output }`. Its output is kept when `quiet`, else shown as it comes. One that
 * has written its `report` has a moment to exit: what it left open may hold up nobody.
 */
function run([command, ...args], { env, quiet, limitMs, report }) {
  if (isStopping) return Promise.resolve({ ok: false, isHeldUp: false, output: 'not started' });
  return new Promise((resolve) => {
    const stdio = quiet ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'];
    const child = spawn(command, args, { cwd: ROOT, env, stdio, detached: true });
    children.add(child);
    const limit = setTimeout(() => {
      console.error(`${args.join(' ')} was stopped after ${limitMs / MINUTES} minutes`);
      killGroup(child);
    }, limitMs);
    let reportedAt;
    let isHeldUp = false;
    const watch = setInterval(() => {
      if (!report || !existsSync(report)) return;
      reportedAt ??= Date.now();
      if (Date.now() - reportedAt < EXIT_MS) return;
      isHeldUp = true;
      killGroup(child);
    }, 1_000);
    let output = '';
    child.stdout?.on('data', (chunk) => (output += chunk));
    child.stderr?.on('data', (chunk) => (output += chunk));
    const finish = (ok) => {
      clearTimeout(limit);
      clearInterval(watch);
      children.delete(child);
      resolve({ ok, isHeldUp, output });
    };
    child.once('error', (error) => ((output += error.message), finish(false)));
    child.once('close', (code) => finish(code === 0));
  });
}

function killGroup(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

/** One run of Jest: the counts of each file, undefined when it gave no report. */
async function runJest({ workers, limitMs }, report, args, env) {
  const always = [`--maxWorkers=${workers}`, '--passWithNoTests', '--json', `--outputFile=${report}`];
  const { ok, isHeldUp, output } = await run([bin('jest'), ...always, ...args], { env, quiet: false, limitMs, report });
  if (isHeldUp)
    console.error(`LEFT OPEN: Jest was stopped, since it did not exit ${EXIT_MS / 1000} s after its last test`);
  try {
    return { ok: ok || isHeldUp, counts: countsByFile(JSON.parse(readFileSync(report, 'utf8')), ROOT) };
  } catch {
    console.error(`Jest gave no report\n${output}`);
    return { ok: false };
  }
}

/** Counts one suite: a check is one test; for Jest also a file that could not be run is a failure. */
async function runSuite(name, { env, paths, reports }) {
  const suite = SUITES[name];
  const began = Date.now();
  const done = (result) => ({ name, flaky: [], seconds: (Date.now() - began) / 1000, ...result });
  if (!suite.tests) {
    const { ok, output } = await run(suite.command, { env, quiet: true, limitMs: suite.limitMs });
    console.error(ok ? `PASS ${name}` : `FAIL ${name}\n${output}`);
    return done({ passed: ok ? 1 : 0, failed: ok ? 0 : 1 });
  }
  const pattern = paths.length > 0 ? `(${paths.join('|')}).*${suite.tests}` : suite.tests;
  const { ok, counts } = await runJest(suite, join(reports, `${name}.json`), ['--testPathPatterns', pattern], env);
  if (!counts) return done({ passed: 0, failed: 1 });
  const { passed, failed } = total(counts);
  return done({ passed, failed: ok ? failed : Math.max(failed, 1), counts });
}

/** Runs what failed in a suite of processes and clocks once more, alone. What passes then is flaky, and said to be. */
async function repeat(result, { env, reports }) {
  const suite = SUITES[result.name];
  const files = result.counts ? failedFiles(result.counts) : [];
  if (!suite?.repeats || files.length === 0) return result;
  console.error(`\nOnce more, alone: ${files.join(' ')}`);
  const began = Date.now();
  const repeated = new Map();
  for (const [index, file] of files.entries()) {
    const report = join(reports, `${result.name}-${index}.json`);
    const { counts = [] } = await runJest({ ...suite, workers: 1 }, report, ['--runTestsByPath', file], env);
    for (const [name, count] of counts) repeated.set(name, count);
  }
  const { counts, flaky } = afterRepeating(result.counts, repeated);
  for (const file of flaky) console.error(`FLAKY ${file}: failed once, passed when run alone`);
  return { ...result, ...total(counts), flaky, seconds: result.seconds + (Date.now() - began) / 1000 };
}

/** The suites of a lane one after another. */
async function lane(names, options) {
  const results = [];
  for (const name of names) results.push(await runSuite(name, options));
  return results;
}

/** Why it failed, if it did: the other suites still say what they can. */
const faultOf = (work) =>
  work.then(
    () => undefined,
    (error) => error,
  );

async function main() {
  requireNode();
  await ensureInstalled();
  const { suites, paths } = chosen(process.argv.slice(2));
  const needs = (what) => suites.some((name) => SUITES[name][what]);
  const reports = mkdtempSync(join(tmpdir(), 'mcp-router-reports-'));
  const { startThrowAway } = await import('./infra/throw-away.mjs');
  const { build } = await import('./build.mjs');

  let starting;
  const cleanUp = async () => {
    isStopping = true;
    for (const child of children) killGroup(child);
    await (await starting?.catch(() => undefined))?.stop();
    rmSync(reports, { recursive: true, force: true });
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.once(signal, () => void cleanUp().then(() => process.exit(130)));

  try {
    if (needs('infra')) starting = startThrowAway();
    const [infra, fault] = await Promise.all([starting, needs('build') && faultOf(build())]);
    if (fault) console.error('FAIL build\n', fault.message);
    const env = { ...cleanEnv(), CI: 'true', NX_DAEMON: 'false', LONG_TESTS: suites.includes('long') ? '1' : '' };
    if (infra) Object.assign(env, { DATABASE_URL: infra.DATABASE_URL, REDIS_URL: infra.REDIS_URL });
    const options = { env, paths, reports };
    const within = (names) => names.filter((name) => suites.includes(name));
    const results = (await Promise.all(LANES.map((names) => lane(within(names), options)))).flat();
    if (fault) results.push({ name: 'build', passed: 0, failed: 1, flaky: [], seconds: 0 });
    else results.push(...(await lane(within(LAST), options)));
    for (const [index, result] of results.entries()) results[index] = await repeat(result, options);
    return results;
  } finally {
    await cleanUp();
  }
}

let results;
try {
  results = await main();
} catch (error) {
  console.error(error);
  results = [{ name: 'set-up', passed: 0, failed: 1, flaky: [], seconds: 0 }];
}
const sum = (key) => results.reduce((total, result) => total + result[key], 0);
console.log();
for (const { name, passed, failed, flaky, seconds } of results)
  console.log(
    `${name.padEnd(12)} ${String(passed).padStart(5)} passed ${String(failed).padStart(4)} failed ${String(flaky.length).padStart(3)} flaky  ${seconds.toFixed(1)} s`,
  );
for (const file of results.flatMap(({ flaky }) => flaky))
  console.log(`FLAKY ${file}: failed once, passed when run alone`);
console.log(`\n${sum('passed')} passed, ${sum('failed')} failed`);
// A filter that matches nothing has proved nothing.
process.exit(sum('failed') === 0 && sum('passed') > 0 ? 0 : 1);
