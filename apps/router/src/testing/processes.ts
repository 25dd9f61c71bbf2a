import { randomUUID } from 'node:crypto';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { findMarked, readStat } from '../processes/proc';

export const ROOT = resolve(__dirname, '../../../..');
export const ODD_SERVER = join(__dirname, 'fixtures/odd-server.mjs');

/** A name in the environment by which all descendants of a test are found in /proc, wherever they went. */
export interface Mark {
  env: Record<string, string>;
  /** Of the living processes that carry the mark; zombies are dead. */
  pids(): Promise<number[]>;
}

export function newMark(): Mark {
  const value = randomUUID();
  return {
    env: { MCPR_TEST: value },
    pids: async () => {
      const alive: number[] = [];
      for (const pid of await findMarked([`MCPR_TEST=${value}`]))
        if (((await readStat(pid))?.state ?? 'Z') !== 'Z') alive.push(pid);
      return alive;
    },
  };
}

/** Compiles a TypeScript file of this app so that a process of its own can run it. @returns the compiled file */
export async function compile(source: string): Promise<string> {
  // Below the workspace, where its packages are found.
  mkdirSync(join(ROOT, 'dist'), { recursive: true });
  const folder = mkdtempSync(join(ROOT, 'dist/test-'));
  const script = `
    import { build } from 'rolldown';
    import { bundleSettings } from ${JSON.stringify(join(ROOT, 'tools/build.mjs'))};
    await build(bundleSettings({ host: ${JSON.stringify(source)} }, ${JSON.stringify(folder)}));`;
  await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, '--', 'compile'], { cwd: ROOT });
  return join(folder, 'host.mjs');
}

/** Starts a compiled file from the workspace's folder and waits for its first line. */
export async function startHost(file: string, args: string[], env: Record<string, string> = {}): Promise<ChildProcess> {
  const host = spawn(process.execPath, [file, ...args], {
    cwd: ROOT,
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise<void>((done, fail) => {
    host.stdout.once('data', () => done());
    host.once('exit', (code) => fail(new Error(`the host ended with ${String(code)}`)));
  });
  return host;
}
