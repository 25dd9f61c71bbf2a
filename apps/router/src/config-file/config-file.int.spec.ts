import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fastest, until } from '@mcp-router/platform/testing';
import { pino } from 'pino';
import type { ConfigEntry } from './config-entries';
import { ConfigFile } from './config-file';

describe('the watched configuration file', () => {
  let folder: string;
  let path: string;
  let file: ConfigFile;
  let seen: ConfigEntry[][];
  const slugs = () => (seen.at(-1) ?? []).map(({ slug }) => slug);
  const config = (...names: string[]) =>
    JSON.stringify({ mcpServers: Object.fromEntries(names.map((name) => [name, { command: name }])) });

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mcpr-config-'));
    path = join(folder, 'mcp-router.json');
    writeFileSync(path, config('a'));
    seen = [];
    file = new ConfigFile(path, {}, pino({ level: 'silent' }), (entries) => seen.push(entries));
    await file.start();
  });
  afterEach(async () => {
    await file.close();
    rmSync(folder, { recursive: true });
  });

  it('is read again within half a second of a change', async () => {
    expect(slugs()).toEqual(['a']);
    let changes = 0;
    const took = await fastest(async () => {
      const name = `b${++changes}`;
      writeFileSync(path, config('a', name));
      await until(() => slugs().includes(name));
    }, 3);
    expect(took).toBeLessThan(500);
  });

  it('is followed through a rename, as many editors save, again and again', async () => {
    for (const name of ['b', 'c', 'd']) {
      writeFileSync(`${path}.tmp`, config('a', name));
      renameSync(`${path}.tmp`, path);
      await until(() => slugs().includes(name));
    }
  });

  it('keeps what was good while it is broken, says where, and takes the mended one', async () => {
    writeFileSync(path, '{\n "mcpServers": {\n  "b": oops } }');
    await until(() => file.state.faults.length > 0);
    expect(file.state.faults[0]).toMatchObject({ file: path, line: 3 });
    expect(slugs()).toEqual(['a']);
    writeFileSync(path, config('b'));
    await until(() => slugs().includes('b'));
    expect(file.state.faults).toEqual([]);
  });

  it('keeps the last good entry of a server whose entry is broken', async () => {
    writeFileSync(path, '{"mcpServers":{"a":{"command":7},"b":{"command":"b"}}}');
    await until(() => slugs().includes('b'));
    expect(slugs().sort()).toEqual(['a', 'b']);
    expect(file.state.faults).toHaveLength(1);
  });

  it('may be missing, appear and disappear', async () => {
    rmSync(path);
    await until(() => !file.state.exists);
    expect(slugs()).toEqual([]);
    writeFileSync(path, config('late'));
    await until(() => slugs().includes('late'));
  });

  it('is followed when it is a link into a folder that is exchanged as a whole, as Kubernetes mounts it', async () => {
    const mount = join(folder, 'mount');
    const publish = (version: string, ...names: string[]): void => {
      mkdirSync(join(mount, version), { recursive: true });
      writeFileSync(join(mount, version, 'mcp-router.json'), config(...names));
      symlinkSync(version, join(mount, '..data_tmp'));
      renameSync(join(mount, '..data_tmp'), join(mount, '..data'));
    };
    publish('..v1', 'first');
    symlinkSync('..data/mcp-router.json', join(mount, 'mcp-router.json'));
    const mounted = new ConfigFile(join(mount, 'mcp-router.json'), {}, pino({ level: 'silent' }), (entries) =>
      seen.push(entries),
    );
    await mounted.start();
    expect(slugs()).toEqual(['first']);
    publish('..v2', 'second');
    rmSync(join(mount, '..v1'), { recursive: true });
    await until(() => slugs().includes('second'));
    publish('..v3', 'third');
    rmSync(join(mount, '..v2'), { recursive: true });
    await until(() => slugs().includes('third'));
    await mounted.close();
  });
});
