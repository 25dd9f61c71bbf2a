import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contextOf, runInContext } from '@mcp-router/platform';
import { SYSTEM_PRINCIPAL } from '@mcp-router/shared';
import type { DataSource } from 'typeorm';
import { until } from '@mcp-router/platform/testing';
import { FakeRouter, type Replica, fakeServer, openDiscoveryDatabase, startReplica } from '../testing/discovery';
import { type FakeServer, fakeMcp, fakeSse, json, legacy, modern, result } from '../testing/fake-mcp';

let database: DataSource;
let url: string;
let close: () => Promise<void>;
const replicas: Replica[] = [];
const fakes: FakeServer[] = [];

beforeAll(async () => {
  ({ database, url, close } = await openDiscoveryDatabase());
});
afterAll(() => close());
afterEach(async () => {
  await Promise.all(replicas.splice(0).map((replica) => replica.stop()));
  await Promise.all(fakes.splice(0).map((fake) => fake.close()));
  await database.query('TRUNCATE discovery.source, discovery.candidate, discovery.provenance, discovery.rejection');
});

async function replica(settings: Record<string, string> = {}, router?: FakeRouter): Promise<Replica> {
  const made = startReplica(database, url, settings, router);
  replicas.push(made);
  await made.start();
  return made;
}
async function mcp(fake: Promise<FakeServer>): Promise<FakeServer> {
  fakes.push(await fake);
  return fakes.at(-1) as FakeServer;
}
const urls = (name: string, ...urls: string[]) => ({
  name,
  type: 'urls',
  settings: { urls: urls.map((url) => ({ url, name: `${name}-server` })) },
  policy: 'manual' as const,
  enabled: true,
});
const only = async ({ candidates }: Replica) => {
  const all = await candidates();
  expect(all).toHaveLength(1);
  return all[0]!;
};

it('finds a server, probes it, and registers it when somebody approves it, but not before', async () => {
  const fake = await mcp(fakeMcp(modern));
  const app = await replica();
  await app.sources.add(urls('list', fake.url));
  await until(async () => (await only(app)).state === 'healthy');
  const candidate = await only(app);
  expect(candidate).toMatchObject({
    name: 'list-server',
    decision: 'pending',
    era: 'modern',
    protocolVersion: '2026-07-28',
    counts: { tools: 2 },
    provenances: [{ source: 'list', type: 'urls', key: fake.url }],
  });
  expect(app.router.servers.size).toBe(0);
  const { server } = await app.approvals.approve(candidate.id, {}, 'person');
  expect(server).toMatchObject({ slug: 'list-server', url: fake.url, source: 'discovery' });
  expect(await only(app)).toMatchObject({ decision: 'approved', server: 'list-server' });
  await expect(app.approvals.approve(candidate.id, {}, 'person')).rejects.toMatchObject({ code: 'conflict' });
  expect(app.events()).toEqual(['source.added', 'serverFound', 'healthChanged', 'serverApproved']);
});

it('shows one server with three provenances, and the server that it already is when it is approved', async () => {
  const fake = await mcp(fakeMcp(legacy));
  const router = new FakeRouter();
  router.servers.set('mine', fakeServer({ slug: 'mine', url: `${fake.url}/` }));
  const app = await replica({}, router);
  for (const name of ['one', 'two', 'three']) await app.sources.add(urls(name, fake.url));
  await until(async () => (await only(app)).provenances.length === 3);
  const { server } = await app.approvals.approve((await only(app)).id, {}, 'person');
  expect(server.slug).toBe('mine');
  expect(router.servers.size).toBe(1);
});

it('keeps the decision for whoever decides: auto after a good probe, by-label when the label says so', async () => {
  const [good, silent, labelled] = await Promise.all([
    mcp(fakeMcp(modern)),
    mcp(fakeMcp((_asked, response) => void response.writeHead(500).end())),
    mcp(fakeSse()),
  ]);
  const app = await replica();
  await app.sources.add({ ...urls('auto', good.url, silent.url), policy: 'auto' });
  await app.sources.add({
    ...urls('label'),
    policy: 'by-label',
    settings: {
      urls: [
        { url: labelled.url, name: 'yes', labels: { 'mcp.approve': 'true' } },
        { url: `${good.url}/other`, name: 'no' },
      ],
    },
  });
  await until(
    async () => app.router.servers.size === 2 && (await app.candidates()).every(({ lastProbeAt }) => lastProbeAt),
  );
  expect([...app.router.servers.values()].map(({ slug, type }) => [slug, type]).sort()).toEqual([
    ['auto-server', 'http'],
    ['yes', 'sse'],
  ]);
});

it('keeps a rejected server rejected, also after it was forgotten', async () => {
  const fake = await mcp(fakeMcp(modern));
  const app = await replica({ CANDIDATE_GRACE_SECONDS: '0' });
  const source = await app.sources.add(urls('list', fake.url));
  await until(async () => (await only(app)).state === 'healthy');
  await app.approvals.reject((await only(app)).id);
  await app.sources.update(source.id, { settings: { urls: ['http://127.0.0.1:9/other'] } });
  await until(async () => (await only(app)).endpoint.kind === 'http' && (await only(app)).decision === 'pending');
  await app.sources.update(source.id, { settings: { urls: [fake.url] }, policy: 'auto' });
  await until(async () => (await app.candidates()).some(({ decision }) => decision === 'rejected'));
  expect(app.router.servers.size).toBe(0);
});

it('loses what the last source withdrew, forgets it after the grace, and takes away what a policy had registered', async () => {
  const fake = await mcp(fakeMcp(modern));
  const app = await replica({ CANDIDATE_GRACE_SECONDS: '0.3' });
  const source = await app.sources.add({ ...urls('list', fake.url), policy: 'auto' });
  await until(() => app.router.servers.size === 1);
  await app.sources.remove(source.id);
  await until(async () => (await only(app)).state === 'lost');
  await until(async () => (await app.candidates()).length === 0);
  await until(() => app.router.servers.size === 0);
  expect(app.events().slice(-2)).toEqual(['serverLost', 'serverRemoved']);
});

it('follows a registered server to its new address', async () => {
  const [here, there] = await Promise.all([mcp(fakeMcp(modern)), mcp(fakeMcp(legacy))]);
  const app = await replica();
  const folder = await mkdtemp(join(tmpdir(), 'files-'));
  const file = join(folder, 'mcp.json');
  const write = (url: string) => writeFile(file, JSON.stringify({ mcpServers: { web: { url } } }));
  await write(here.url);
  await app.sources.add({ name: 'f', type: 'files', settings: { paths: [file] }, policy: 'auto', enabled: true });
  await until(() => app.router.servers.get('web')?.url === here.url);
  await write(there.url);
  await until(() => app.router.servers.get('web')?.url === there.url);
  await until(async () => (await only(app)).era === 'legacy');
  expect(app.events()).toContain('serverMoved');
  await rm(folder, { recursive: true });
});

it('has the tools of what a source found scanned before use when the source says so', async () => {
  const [scanned, plain] = await Promise.all([mcp(fakeMcp(modern)), mcp(fakeMcp(legacy))]);
  const app = await replica();
  await app.sources.add({ ...urls('strict', scanned.url), policy: 'auto', scanBeforeUse: true });
  await app.sources.add({ ...urls('easy', plain.url), policy: 'auto' });
  const asked = () => app.bus.calls.filter(({ pattern }) => pattern === 'router.addServer');
  await until(() => asked().length === 2);
  const scans = asked().map(({ input }) => (input as { server: { slug: string; scanBeforeUse?: boolean } }).server);
  expect(scans.find(({ slug }) => slug.startsWith('strict'))?.scanBeforeUse).toBe(true);
  expect(scans.find(({ slug }) => slug.startsWith('easy'))?.scanBeforeUse).toBeUndefined();
  expect(await app.sources.update('strict', { scanBeforeUse: false })).toMatchObject({ scanBeforeUse: false });
});

it('registers a command of a file with the values of its variables, which it never stores or shows', async () => {
  const app = await replica();
  const folder = await mkdtemp(join(tmpdir(), 'files-'));
  const file = join(folder, 'mcp.json');
  await writeFile(
    file,
    JSON.stringify({
      mcpServers: {
        tool: { command: 'node', args: ['x.js'], env: { TOKEN: 'secret-value' } },
        open: { command: 'node', env: { KEY: '${input:key}' } },
      },
    }),
  );
  await app.sources.add({ name: 'f', type: 'files', settings: { paths: [file] }, policy: 'manual', enabled: true });
  await until(async () => (await app.candidates()).length === 2);
  const [tool, open] = (await app.candidates()).sort((a, b) => (a.name > b.name ? -1 : 1));
  expect(tool).toMatchObject({
    state: 'candidate',
    endpoint: { kind: 'stdio', envNames: ['TOKEN'] },
    nextProbeAt: null,
  });
  const dump = JSON.stringify(await database.query('SELECT * FROM discovery.candidate, discovery.provenance'));
  expect(dump).not.toContain('secret-value');
  await app.approvals.approve(tool!.id, { slug: 'tool' }, 'person');
  expect(app.bus.calls.at(-1)?.input).toMatchObject({ server: { slug: 'tool', env: { TOKEN: 'secret-value' } } });
  expect(open?.inputs).toEqual([{ name: 'input:key', required: true, secret: true }]);
  await expect(app.approvals.approve(open!.id, {}, 'person')).rejects.toMatchObject({
    code: 'invalid_request',
    errors: [{ pointer: '/values/input:key', detail: 'is needed' }],
  });
  await app.approvals.approve(open!.id, { slug: 'open', values: { 'input:key': 'abc' } }, 'person');
  expect(JSON.stringify(app.bus.calls.at(-1)?.input)).toContain('abc');
  expect(JSON.stringify(app.bus.calls.at(-1)?.input)).not.toContain('${');
  await rm(folder, { recursive: true });
});

async function registryOf(...servers: object[]) {
  const registry = await mcp(
    fakeMcp(
      () => undefined,
      (_request, response) =>
        void json(response, 200, { servers: servers.map((server) => ({ server })), metadata: {} }),
    ),
  );
  const settings = { url: new URL(registry.url).origin };
  return { name: 'r', type: 'mcp-registry', settings, policy: 'auto' as const, enabled: true };
}

it('never runs a package by itself; who approves it says so, and fills in what it leaves open', async () => {
  const app = await replica();
  const environmentVariables = [
    { name: 'API_KEY', isRequired: true, isSecret: true, description: 'From the account page' },
    { name: 'REGION', value: 'eu-{zone}', variables: { zone: { choices: ['1', '2'], isRequired: false } } },
  ];
  const packageArguments = [{ type: 'positional', valueHint: 'folder' }];
  await app.sources.add(
    await registryOf({
      name: 'io.test/pkg',
      packages: [{ registryType: 'npm', identifier: '@x/y', version: '1.0.0', environmentVariables, packageArguments }],
    }),
  );
  await until(async () => (await app.candidates()).length === 1);
  const candidate = await only(app);
  expect(candidate).toMatchObject({
    endpoint: { kind: 'package', suggestedCommand: ['npx', '-y', '@x/y@1.0.0', '{folder}'] },
    inputs: [
      { name: 'folder', required: true, secret: false },
      { name: 'API_KEY', required: true, secret: true, description: 'From the account page' },
      { name: 'zone', required: false, choices: ['1', '2'] },
    ],
    nextProbeAt: null,
  });
  const approve = (approval: object) => app.approvals.approve(candidate.id, approval, 'person');
  await expect(approve({})).rejects.toMatchObject({
    code: 'conflict',
    hint: expect.stringContaining('npx -y @x/y@1.0.0'),
  });
  await expect(approve({ install: true, values: { zone: '3', other: 'x' } })).rejects.toMatchObject({
    code: 'invalid_request',
    errors: [
      { pointer: '/values/folder', detail: 'is needed' },
      { pointer: '/values/API_KEY', detail: 'is needed' },
      { pointer: '/values/zone', detail: 'must be one of 1, 2' },
      { pointer: '/values/other', detail: 'is not asked for' },
    ],
  });
  expect(app.router.servers.size).toBe(0);
  await approve({ install: true, values: { API_KEY: 'secret', folder: '/srv' } });
  expect(app.bus.calls.at(-1)?.input).toMatchObject({
    server: { slug: 'pkg', command: 'npx', args: ['-y', '@x/y@1.0.0', '/srv'], env: { API_KEY: 'secret' } },
  });
  expect(JSON.stringify(await database.query('SELECT * FROM discovery.candidate'))).not.toContain('secret"');
});

it('offers a remote whose address has variables, probes it not, and registers it with the values', async () => {
  const app = await replica();
  await app.sources.add(
    await registryOf({
      name: 'io.test/tenants',
      remotes: [
        {
          type: 'streamable-http',
          url: 'https://{tenant}.example.com/mcp',
          variables: { tenant: { description: 'Your account' } },
          headers: [
            { name: 'Authorization', value: 'Bearer {token}', isRequired: true, isSecret: true },
            { name: 'X-Trace', description: 'optional' },
            { name: 'X-Client', value: 'mcp-router' },
          ],
        },
      ],
    }),
  );
  await until(async () => (await app.candidates()).length === 1);
  const { id, inputs, state, nextProbeAt } = await only(app);
  expect({ state, nextProbeAt }).toEqual({ state: 'candidate', nextProbeAt: null });
  expect(inputs.map(({ name, required, secret }) => [name, required, secret])).toEqual([
    ['tenant', true, false],
    ['token', true, true],
    ['X-Trace', false, false],
  ]);
  await app.approvals.approve(id, { values: { tenant: 'acme', token: 'abc' } }, 'person');
  expect(app.bus.calls.at(-1)?.input).toMatchObject({
    server: {
      slug: 'tenants',
      url: 'https://acme.example.com/mcp',
      headers: { Authorization: 'Bearer abc', 'X-Client': 'mcp-router' },
    },
  });
  expect(app.bus.calls.at(-1)?.input).not.toHaveProperty('server.headers.X-Trace');
});

it('does not let two people change a source over each other', async () => {
  const app = await replica();
  const { id, version } = await app.sources.add(urls('list', 'http://127.0.0.1:9/a'));
  const mine = await app.sources.update(id, { policy: 'auto' }, version);
  expect(mine.version).not.toBe(version);
  await expect(app.sources.update(id, { policy: 'by-label' }, version)).rejects.toMatchObject({
    code: 'precondition_failed',
  });
  expect((await app.sourcesStore.get(id)).policy).toBe('auto');
  await app.sources.update(id, { enabled: false });
  await app.sources.remove(id);
  expect(app.events().filter((type) => type.startsWith('source.'))).toEqual([
    'source.added',
    'source.changed',
    'source.changed',
    'source.removed',
  ]);
});

it('tells when the catalogue of a server changes', async () => {
  let tools = [{ name: 'a' }];
  const fake = await mcp(
    fakeMcp((asked, response) =>
      asked.method === 'tools/list' ? void json(response, 200, result(asked.id, { tools })) : legacy(asked, response),
    ),
  );
  const app = await replica();
  await app.sources.add(urls('list', fake.url));
  await until(async () => (await only(app)).counts?.tools === 1);
  const { id, catalogueHash } = await only(app);
  tools = [{ name: 'a' }, { name: 'b' }];
  await app.prober.probeNow(id);
  expect(await only(app)).toMatchObject({ counts: { tools: 2 } });
  expect((await only(app)).catalogueHash).not.toBe(catalogueHash);
  expect(app.events()).toContain('catalogueChanged');
});

it('shows why a server on an inner address cannot be probed unless the address is allowed', async () => {
  const fake = await mcp(fakeMcp(modern));
  const app = await replica({ OUTBOUND_ALLOW: '' });
  await app.sources.add(urls('list', fake.url));
  await until(async () => (await only(app)).lastError?.code === 'url_refused');
  expect(fake.asked).toEqual([]);
});

it('keeps a lease as long as it is renewed, and only for whoever took it', async () => {
  const app = await replica();
  const as = <T>(agentId: string, run: () => Promise<T>) =>
    runInContext(contextOf({ principal: { ...SYSTEM_PRINCIPAL, agentId, role: 'member' } }), run);
  const lease = { name: 'me', url: 'http://127.0.0.1:9/mcp', type: 'http' as const, labels: {}, leaseSeconds: 3 };
  await until(() => app.keeper.isOpen);
  await expect(app.registrations.register(lease)).rejects.toMatchObject({ code: 'conflict' });
  await app.sources.add({ name: 's', type: 'self-registration', settings: {}, policy: 'manual', enabled: true });
  const { id, candidateId } = await as('a', () => app.registrations.register(lease));
  await expect(as('b', () => app.registrations.renew(id))).rejects.toMatchObject({ code: 'not_found' });
  for (let i = 0; i < 5; i++) {
    await new Promise((resolve) => setTimeout(resolve, 700));
    await as('a', () => app.registrations.renew(id));
  }
  expect((await app.store.get(candidateId)).provenances).toHaveLength(1);
  await until(async () => (await app.store.get(candidateId)).state === 'lost');
  await expect(as('a', () => app.registrations.renew(id))).rejects.toMatchObject({ code: 'not_found' });
});

it('passes the lead on: one replica follows the sources, and another takes over with all that was found', async () => {
  const [a, b] = await Promise.all([mcp(fakeMcp(modern)), mcp(fakeMcp(modern))]);
  const router = new FakeRouter();
  const [one, two] = [await replica({}, router), await replica({}, router)];
  await until(() => one.leadership.isLeader || two.leadership.isLeader);
  expect(one.leadership.isLeader && two.leadership.isLeader).toBe(false);
  const [first, second] = one.leadership.isLeader ? [one, two] : [two, one];
  await first.sources.add(urls('list', a.url));
  await until(async () => (await only(first)).state === 'healthy');
  const { id } = await only(first);
  // The connection that holds the lock is cut, as by a failover of the database.
  await database.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mcp-router discovery lead'`,
  );
  await until(() => first.leadership.isLeader !== second.leadership.isLeader);
  const leader = first.leadership.isLeader ? first : second;
  await leader.sources.add(urls('more', b.url));
  await until(async () => (await leader.candidates()).length === 2);
  expect((await leader.candidates()).map((candidate) => candidate.id)).toContain(id);
});
