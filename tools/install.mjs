// Installs the dependencies when node_modules is not what package-lock.json says.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from './lock.mjs';
import { ROOT } from './workspace.mjs';

const OLDEST_NODE = [20, 19];

/** Ends the process with a readable message on a Node that cannot run the product. */
export function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  console.error(
    `MCP Router needs Node ${OLDEST_NODE.join('.')} or newer; this is ${process.version} (${process.execPath}).`,
  );
  process.exit(1);
}

/** Whether everything locked in `folder` is installed there, in its version. What npm leaves out on this platform may be missing. */
export function isInstalled(folder) {
  const installedFile = join(folder, 'node_modules/.package-lock.json');
  if (!existsSync(installedFile)) return false;
  const { packages: installed } = JSON.parse(readFileSync(installedFile, 'utf8'));
  const { packages: locked } = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'));
  return Object.entries(locked)
    .filter(([path]) => path !== '')
    .every(([path, { version, optional, devOptional }]) =>
      installed[path] ? installed[path].version === version : optional || devOptional,
    );
}

/**
 * Runs `npm ci` in `folder` if that is needed. Two launchers at once install once.
 *
 * @returns whether it installed
 */
export async function ensureInstalled(folder = ROOT) {
  if (isInstalled(folder)) return false;
  return withLock(join(folder, '.install.lock'), async () => {
    if (isInstalled(folder)) return false;
    console.log(`Installing dependencies in ${folder} …`);
    await npmCi(folder);
    return true;
  });
}

function npmCi(folder) {
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  const npm = process.env.npm_execpath?.endsWith('.js')
    ? spawn(process.execPath, [process.env.npm_execpath, ...args], {
        cwd: folder,
        stdio: ['ignore', 'inherit', 'inherit'],
      })
    : spawn('npm', args, { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'], shell: process.platform === 'win32' });
  const stop = () => npm.kill();
  process.once('exit', stop); // Ctrl-C in the middle must not leave it running.
  return new Promise((resolve, reject) => {
    npm.once('error', (error) => reject(new Error(`npm cannot be started: ${error.message}`)));
    npm.once('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`npm ci failed in ${folder} (exit code ${code})`)),
    );
  });
}
