import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { ROOT } from '../system/service';
import { createStores, type Stores } from '../system/stores';
import { linkModules, parseDockerfile } from './dockerfile';
import { APPS } from './environment';
import { DOCKERFILE, makeImage, startImage } from './image';

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
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mcp-router-image-'));
    stores = await createStores();
  });
  afterAll(async () => {
    await stores.drop();
    await rm(folder, { recursive: true, force: true });
  });

  it.each(APPS)('%s imports production dependencies only, and starts where nothing else is', async (app) => {
    const image = await makeImage(app, join(folder, app), linkModules(join(ROOT, 'node_modules')));
    expect(await readdir(image.workdir)).toEqual(['dist', 'node_modules', 'package.json']);
    expect(await foreignImports(join(image.workdir, 'dist'))).toEqual([]);
    const stop = await startImage(image, stores);
    expect(await stop()).toBe(0);
  });
});

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
