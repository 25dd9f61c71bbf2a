import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const SUITES = {
  '0.1.16': 'conformance-0.1/package.json',
  '0.2.0-alpha.12': '@modelcontextprotocol/conformance/package.json',
} as const;

/** What a client may take for one scenario, on a slow machine. */
const CLIENT_LIMIT_MS = 100_000;

export type Requirements = '2025-11-25' | '2026-07-28';

export interface Scenario {
  name: string;
  passed: number;
  /** What did not hold, by id of the check. */
  failures: { id: string; message: string }[];
  /** Ids of checks that found something that should be otherwise. */
  warnings: string[];
  /** The suite counts it: extensions, and scenarios added after the release of the specification, are not. */
  isScored: boolean;
}

export interface Outcome {
  passed: number;
  failed: number;
  scenarios: Scenario[];
  /** Names of the scored scenarios with a failure, sorted. */
  scoredFailures: string[];
  /** Exit code of the suite. */
  code: number;
  output: string;
}

interface Check {
  id: string;
  status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO';
  errorMessage?: string;
}

/** Runs every server scenario of 0.1.16 against a URL (its host must be `localhost`). */
export const runFirstSuite = (url: string): Promise<Outcome> =>
  run('0.1.16', ['server', '--url', url, '--suite', 'all']);

/** Runs the server scenarios of 0.2.0-alpha.12 that belong to one revision of the protocol. */
export const runSuite = (url: string, requirements: Requirements): Promise<Outcome> =>
  run('0.2.0-alpha.12', ['server', '--url', url, '--requirements', requirements]);

/**
 * Runs one client scenario of 0.2.0-alpha.12: the suite starts a mock server and then `command` with its URL as last
 * argument. Those of extensions belong to no version.
 */
export const runClientScenario = (
  scenario: string,
  { command, version, env }: { command: string; version: Requirements | 'extension'; env: Record<string, string> },
): Promise<Outcome> => {
  const versions = version === 'extension' ? [] : ['--spec-version', version];
  const limit = ['--timeout', String(CLIENT_LIMIT_MS)];
  return run('0.2.0-alpha.12', ['client', '--scenario', scenario, '--command', command, ...limit, ...versions], env);
};

async function run(suite: keyof typeof SUITES, args: string[], env = {}): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), 'mcp-conformance-'));
  try {
    const entry = join(dirname(require.resolve(SUITES[suite])), 'dist/index.js');
    const shim = ['--import', join(__dirname, 'node20.mjs')];
    const { code, output } = await node([...shim, entry, ...args, '-o', folder], env);
    return { code, output, ...summarise(await readScenarios(folder, output)) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function node(args: string[], env: object): Promise<{ code: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.once('error', reject).once('close', (code) => resolve({ code: code ?? -1, output }));
  });
}

/** Reads `<folder>/<kind>-<scenario>-<time>/checks.json` of every scenario that ran. */
async function readScenarios(folder: string, output: string): Promise<Scenario[]> {
  const unscored = new Set([...output.matchAll(/^ {2}[✓✗] (\S+) \([a-z-]+\)$/gm)].map(([, name]) => name));
  const entries = await readdir(folder, { recursive: true });
  return Promise.all(
    entries
      .filter((path) => path.endsWith('checks.json'))
      .map(async (path) => {
        const name = dirname(path)
          .replace(/^(server|client)-/, '')
          .replace(/-\d{4}-\d\d-\d\dT[\d-]+Z$/, '');
        const checks = JSON.parse(await readFile(join(folder, path), 'utf8')) as Check[];
        const failures = checks
          .filter(({ status }) => status === 'FAILURE')
          .map(({ id, errorMessage = '' }) => ({ id, message: errorMessage }));
        const warnings = checks.filter(({ status }) => status === 'WARNING').map(({ id }) => id);
        const passed = checks.filter(({ status }) => status === 'SUCCESS').length;
        return { name, passed, failures, warnings, isScored: !unscored.has(name) };
      }),
  );
}

function summarise(scenarios: Scenario[]): Pick<Outcome, 'passed' | 'failed' | 'scenarios' | 'scoredFailures'> {
  const scoredFailures = scenarios.filter(({ isScored, failures }) => isScored && failures.length > 0);
  return {
    scenarios,
    passed: scenarios.reduce((sum, { passed }) => sum + passed, 0),
    failed: scenarios.reduce((sum, { failures }) => sum + failures.length, 0),
    scoredFailures: scoredFailures.map(({ name }) => name).sort(),
  };
}
