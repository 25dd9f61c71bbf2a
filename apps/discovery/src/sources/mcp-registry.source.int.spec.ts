import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RegistryEntry, fakeRegistry } from '../testing/fake-registry';
import { SourceProbe } from '../testing/source-probe';
import { mcpRegistrySource } from './mcp-registry.source';

let registry: Awaited<ReturnType<typeof fakeRegistry>>;
let probe: SourceProbe;

const remote = (name: string, extra: Partial<RegistryEntry> = {}): RegistryEntry => ({
  name: `test/${name}`,
  remotes: [{ type: 'streamable-http', url: `https://${name}.test/mcp` }],
  ...extra,
});

beforeEach(async () => {
  registry = await fakeRegistry([]);
  probe = new SourceProbe();
});
afterEach(async () => {
  await probe.stop();
  await registry.close();
});
const look = (settings: object = {}) => probe.look(mcpRegistrySource, { url: registry.url, ...settings });

it('reads all pages: remotes with an address, packages as what could be installed', async () => {
  registry.state.entries = [
    ...Array.from({ length: 5 }, (_, i) => remote(`s${i}`)),
    remote('old', { isLatest: false }),
    remote('template', {
      remotes: [
        { type: 'sse', url: 'https://{host}/sse', variables: { host: { default: 'filled.test' } } },
        { type: 'streamable-http', url: 'https://{tenant}.open.test/mcp' },
      ],
    }),
    {
      name: 'test/pkg',
      packages: [
        {
          registryType: 'pypi',
          identifier: 'weather',
          version: '2.0',
          runtimeArguments: [{ type: 'named', name: '--python', value: '3.12' }],
          packageArguments: [{ type: 'positional', valueHint: 'path' }],
          environmentVariables: [{ name: 'API_KEY', isSecret: true }],
        },
      ],
    },
  ];
  await look({ pageSize: 2 });
  expect(probe.places).toEqual([
    'test/pkg package',
    ...[0, 1, 2, 3, 4].map((i) => `test/s${i} https://s${i}.test/mcp`),
    'test/template https://filled.test/sse',
    'test/template https://{tenant}.open.test/mcp',
  ]);
  expect(probe.seen.get('test/pkg#pypi:weather')?.endpoint).toMatchObject({
    suggestedCommand: ['uvx', '--python', '3.12', 'weather==2.0', '{path}'],
    envNames: ['API_KEY'],
  });
});

it('asks only for what changed after that: new ones, moved ones, deleted ones', async () => {
  registry.state.entries = [remote('stays'), remote('moves'), remote('goes')];
  await look();
  const updatedAt = new Date(Date.now() + 1000).toISOString();
  registry.state.entries = [
    remote('stays'),
    remote('moves', { updatedAt, remotes: [{ type: 'sse', url: 'https://elsewhere.test/sse' }] }),
    remote('goes', { updatedAt, status: 'deleted' }),
    remote('comes', { updatedAt }),
  ];
  await look();
  expect(registry.state.queries.at(-1)).toHaveProperty('updated_since');
  expect(probe.places).toEqual([
    'test/comes https://comes.test/mcp',
    'test/moves https://elsewhere.test/sse',
    'test/stays https://stays.test/mcp',
  ]);
});

it.each(['same-cursor', 'bad-cursor', 'not-json', 'down'] as const)(
  'keeps what it had when the registry answers with %s, and then begins where the last whole look began',
  async (trouble) => {
    registry.state.entries = [remote('a'), remote('b'), remote('c')];
    await look({ pageSize: 2 });
    const memory = structuredClone(probe.memory);
    const updatedAt = new Date(Date.now() + 1000).toISOString();
    registry.state.entries = ['a', 'b', 'c', 'd'].map((name) => remote(name, { updatedAt }));
    registry.state.trouble = trouble;
    await expect(look({ pageSize: 2 })).rejects.toThrow();
    expect(probe.places.length).toBeGreaterThanOrEqual(3);
    expect(probe.memory).toEqual(memory);
    registry.state.trouble = undefined;
    await look({ pageSize: 2 });
    expect(probe.places).toHaveLength(4);
  },
);

it('does not let one entry that cannot be read cost the others', async () => {
  registry.state.entries = [{ name: '' }, { name: 'test/odd', remotes: 'none' as never }, remote('good')];
  await look();
  expect(probe.places).toEqual(['test/good https://good.test/mcp']);
  expect(probe.warnings).toHaveLength(1);
});

it('sends the token of its file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'token-'));
  await writeFile(join(folder, 'token'), 'abc\n');
  await look({ tokenFile: join(folder, 'token') });
  expect(registry.state.authorization).toBe('Bearer abc');
  await rm(folder, { recursive: true });
});
