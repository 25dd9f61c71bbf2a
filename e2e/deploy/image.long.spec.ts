import { cp, mkdtemp, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../system/service';
import { createStores, type Stores } from '../system/stores';
import { linkModules } from './dockerfile';
import { APPS } from './environment';
import { installModules, makeImage, startImage } from './image';

describe('the image with a production installation of its own', () => {
  let folder: string;
  let stores: Stores;
  let installed: Promise<string> | undefined;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mcp-router-image-'));
    stores = await createStores();
  });
  afterAll(async () => {
    await stores.drop();
    await rm(folder, { recursive: true, force: true });
  });

  /** What the command installs is the same for every app, so it is done once. */
  async function production(command: string): Promise<string> {
    const workdir = join(folder, 'production');
    for (const file of ['package.json', 'package-lock.json']) await cp(join(ROOT, file), join(workdir, file));
    await installModules(workdir, command);
    return join(workdir, 'node_modules');
  }

  it.each(APPS)(
    '%s starts with what npm ci --omit=dev --ignore-scripts installs',
    async (app) => {
      const image = await makeImage(app, join(folder, app), async (workdir, command) => {
        // The stage that builds needs the bundler; what it has does not get into the image.
        if (!command.includes('--omit=dev')) return linkModules(join(ROOT, 'node_modules'))(workdir);
        const modules = await (installed ??= production(command));
        return linkModules(modules)(workdir);
      });
      expect(existsSync(join(image.workdir, 'node_modules/jest'))).toBe(false);
      const stop = await startImage(image, stores);
      expect(await stop()).toBe(0);
    },
    300_000,
  );
});
