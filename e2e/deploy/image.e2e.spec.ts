import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { freePort } from '../system/free-port';
import { ROOT } from '../system/service';
import { createStores, type Stores } from '../system/stores';
import { eventually } from '../system';
import { buildWithoutEngine, linkModules, parseDockerfile, type Image } from './dockerfile';
import { readIgnoreFile } from './ignore-file';

const APPS = ['gateway', 'router', 'discovery', 'monitor', 'analyzer'];
const DOCKERFILE = join(ROOT, 'docker/Dockerfile');

it('has a Dockerfile that the linter finds nothing in', async () => {
  const { run } = (await import('dockerfilelint')) as unknown as {
    run(configPath: string, content: string): { line: string; category: string; content: string }[];
  };
  expect(run(ROOT, await readFile(DOCKERFILE, 'utf8'))).toEqual([]);
});

it('runs as an ordinary user, says how it is, and takes no default app', async () => {
  const last = parseDockerfile(await readFile(DOCKERFILE, 'utf8')).at(-1);
  const find = (name: string) => last?.instructions.filter((instruction) => instruction.name === name);
  expect(find('USER')).toEqual([{ name: 'USER', text: 'node' }]);
  expect(find('HEALTHCHECK')).toHaveLength(1);
  expect(find('ARG')).toEqual([{ name: 'ARG', text: 'APP' }]);
});

describe('the image, made without an engine from what the Dockerfile copies', () => {
  let folder: string;
  let stores: Stores;
  const children: ChildProcess[] = [];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mcp-router-image-'));
    stores = await createStores();
  });
  afterAll(async () => {
    await Promise.all(children.map(stop));
    await stores.drop();
    await rm(folder, { recursive: true, force: true });
  });

  it.each(APPS)('%s imports production dependencies only, and starts where nothing else is', async (app) => {
    const image = await build(app, join(folder, app));
    expect(await foreignImports(join(image.workdir, 'dist'))).toEqual([]);

    const port = await freePort();
    const child = start(image, {
      ...image.env,
      HOST: '127.0.0.1',
      HEALTH_HOST: '127.0.0.1',
      PORT: '0',
      HEALTH_PORT: String(port),
      MCPR_DATA_DIR: join(folder, app, 'final/data'),
      DATABASE_URL: stores.DATABASE_URL,
      REDIS_URL: stores.REDIS_URL,
      REDIS_PREFIX: stores.REDIS_PREFIX,
    });
    children.push(child);
    let log = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text: Buffer) => (log += text.toString()));
    const isReady = () =>
      fetch(`http://127.0.0.1:${port}/health/ready`).then(
        ({ ok }) => ok,
        () => false,
      );
    await eventually(isReady, 30_000, () => `${app} did not become ready:\n${log}`);
    expect(await stop(child)).toBe(0);
  });
});

async function build(app: string, folder: string): Promise<Image> {
  const stages = parseDockerfile(await readFile(DOCKERFILE, 'utf8'));
  const ignore = await readFile(`${DOCKERFILE}.dockerignore`, 'utf8');
  return buildWithoutEngine(stages, {
    context: ROOT,
    folder,
    args: { APP: app },
    isSent: readIgnoreFile(ignore),
    install: linkModules(join(ROOT, 'node_modules')),
  });
}

function start({ command, workdir }: Image, env: Record<string, string>): ChildProcess {
  const [, ...args] = command;
  return spawn(process.execPath, args, { cwd: workdir, env, stdio: ['ignore', 'pipe', 'pipe'] });
}

async function stop(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    await gone;
  }
  return child.exitCode;
}

/** Packages that a bundle imports and `npm ci --omit=dev` would not install. */
async function foreignImports(folder: string): Promise<string[]> {
  const { dependencies } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  const bundles = (await readdir(folder)).filter((name) => name.endsWith('.mjs'));
  const found = new Set<string>();
  for (const bundle of bundles) {
    const { importedFiles } = ts.preProcessFile(await readFile(join(folder, bundle), 'utf8'), true, true);
    for (const { fileName } of importedFiles) {
      const own = fileName.startsWith('.') && existsSync(join(folder, fileName));
      const name = fileName
        .split('/')
        .slice(0, fileName.startsWith('@') ? 2 : 1)
        .join('/');
      if (!own && !isBuiltin(fileName) && !(name in dependencies)) found.add(fileName);
    }
  }
  return [...found];
}
