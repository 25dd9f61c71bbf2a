import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '../system';
import { freePort } from '../system/free-port';
import { ROOT } from '../system/service';
import type { Stores } from '../system/stores';
import { buildWithoutEngine, parseDockerfile, type BuildOptions, type Image } from './dockerfile';
import { readIgnoreFile } from './ignore-file';

export const DOCKERFILE = join(ROOT, 'docker/Dockerfile');

/** Does what the Dockerfile says for one app, below `folder`. */
export async function makeImage(app: string, folder: string, install: BuildOptions['install']): Promise<Image> {
  const stages = parseDockerfile(await readFile(DOCKERFILE, 'utf8'));
  const ignore = await readFile(`${DOCKERFILE}.dockerignore`, 'utf8');
  return buildWithoutEngine(stages, {
    context: ROOT,
    folder,
    args: { APP: app },
    isSent: readIgnoreFile(ignore),
    install,
  });
}

/** Installs as the Dockerfile says, from the package registry. */
export async function installModules(workdir: string, command: string): Promise<void> {
  const [program = '', ...args] = command.split(/\s+/);
  await promisify(execFile)(program, args, { cwd: workdir, maxBuffer: 64 * 1024 * 1024 });
}

/**
 * Starts the image's command in its working folder and waits until it answers: it has its database, its queue and its bus by then.
 *
 * @returns a function that ends it with SIGTERM and gives its exit code
 */
export async function startImage(image: Image, stores: Stores): Promise<() => Promise<number | null>> {
  const port = await freePort();
  const env = {
    ...image.env,
    HOST: '127.0.0.1',
    HEALTH_HOST: '127.0.0.1',
    PORT: '0',
    HEALTH_PORT: String(port),
    MCPR_DATA_DIR: join(image.workdir, '../data'),
    HOME: join(image.workdir, '../data'),
    DATABASE_URL: stores.DATABASE_URL,
    REDIS_URL: stores.REDIS_URL,
    REDIS_PREFIX: stores.REDIS_PREFIX,
  };
  const child = spawn(process.execPath, image.command.slice(1), {
    cwd: image.workdir,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (log += text));
  // Not `/health/ready`: a gateway is ready only when a router is there too.
  const isLive = () =>
    fetch(`http://127.0.0.1:${port}/health/live`).then(
      ({ ok }) => ok,
      () => false,
    );
  try {
    await eventually(() => child.exitCode !== null || isLive());
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
  } catch (error) {
    await end(child, 'SIGKILL');
    throw new Error(`The image's command did not start: ${(error as Error).message}\n${log}`, { cause: error });
  }
  return () => end(child, 'SIGTERM');
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }
  return child.exitCode;
}
