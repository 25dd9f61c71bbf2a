import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isInstalled } from './install.mjs';

describe('whether the dependencies are installed', () => {
  let folder;
  const write = (path, packages) => writeFileSync(join(folder, path), JSON.stringify({ packages }));
  const locked = {
    '': { name: 'root' },
    'node_modules/a': { version: '1.0.0' },
    'node_modules/only-on-macos': { version: '1.0.0', optional: true },
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'install-spec-'));
    write('package-lock.json', locked);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const installed = (packages) => {
    mkdirSync(join(folder, 'node_modules'));
    write('node_modules/.package-lock.json', packages);
    return isInstalled(folder);
  };

  it('is no without node_modules', () => expect(isInstalled(folder)).toBe(false));
  it('is yes when only what another platform needs is missing', () =>
    expect(installed({ 'node_modules/a': { version: '1.0.0' } })).toBe(true));
  it('is no when a version differs', () => expect(installed({ 'node_modules/a': { version: '1.0.1' } })).toBe(false));
  it('is no when a package is missing', () => expect(installed({})).toBe(false));
});
