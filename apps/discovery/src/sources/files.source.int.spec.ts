import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '@mcp-router/platform/testing';
import { SourceProbe } from '../testing/source-probe';
import { filesSource } from './files.source';

let folder: string;
let probe: SourceProbe;
let ended: Promise<unknown>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'files-'));
  probe = new SourceProbe();
});
afterEach(async () => {
  await probe.stop();
  await ended;
  await rm(folder, { recursive: true });
});

const config = (...names: string[]) =>
  JSON.stringify({ mcpServers: Object.fromEntries(names.map((name) => [name, { url: `https://${name}.test/mcp` }])) });
const path = (name: string) => join(folder, name);
const names = () => [...probe.seen.values()].map(({ name }) => name).sort();

it('follows edits, files that are replaced, new files and deleted ones; a broken file keeps what it said', async () => {
  await writeFile(path('a.json'), config('one'));
  ended = probe.follow(filesSource, { paths: [path('a.json'), path('b.json')] });
  await until(() => names().join() === 'one');
  await writeFile(path('a.json'), config('one', 'two'));
  await until(() => names().join() === 'one,two');
  await writeFile(path('b.json'), config('three'));
  await until(() => names().join() === 'one,three,two');
  await writeFile(path('a.json'), '{"mcpServers": {');
  await until(() => probe.warnings.length > 0);
  expect(names()).toEqual(['one', 'three', 'two']);
  await writeFile(path('new'), config('four'));
  await rename(path('new'), path('a.json'));
  await until(() => names().join() === 'four,three');
  await rm(path('b.json'));
  await until(() => names().join() === 'four');
});

it('reads a definition with its secrets only when it is asked for', async () => {
  ended = Promise.resolve();
  await writeFile(
    path('a.json'),
    JSON.stringify({ mcpServers: { a: { url: 'https://a.test', headers: { K: 'secret' } } } }),
  );
  const settings = { paths: [path('a.json')] };
  await probe.look(filesSource, settings);
  const [sighting] = [...probe.seen.values()];
  expect(sighting?.endpoint).toEqual({ kind: 'http', url: 'https://a.test', headerNames: ['K'] });
  const definition = await filesSource.definition?.(settings, sighting?.key ?? '', probe.io);
  expect(definition?.headers).toEqual({ K: 'secret' });
});
