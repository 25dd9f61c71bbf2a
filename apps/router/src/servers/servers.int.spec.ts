import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bus } from '@mcp-router/platform';
import { checkMigrations, openTestDatabase, until } from '@mcp-router/platform/testing';
import { NewServer, serverChanged, type ServerDefinition } from '@mcp-router/shared';
import { pino } from 'pino';
import type { DataSource } from 'typeorm';
import { GrantStore } from '../authorization/grant-store';
import { Catalogue } from '../catalogue/catalogue';
import { CatalogueFeed } from '../catalogue/catalogue-feed';
import { RouterEnv } from '../config';
import { MIGRATIONS } from '../migrations';
import type { Quarantine } from '../quarantine/quarantine';
import { ODD_SERVER } from '../testing/processes';
import { UpstreamRegistry } from '../upstreams/upstream-registry';
import { ServerEntity } from './server.entity';
import { ServersHandler } from './servers.handler';
import { ServersService } from './servers.service';

const SETUP = { schema: 'router', entities: [ServerEntity], migrations: MIGRATIONS };
const SECRET = 'hunter2-hunter2';
const logger = pino({ level: 'silent' });
const nothingHeld = { heldOf: () => [] } as unknown as Quarantine;

/** Replicas of one installation in this process: they share the database, the data folder and the broadcasts. */
class Installation {
  readonly folder = mkdtempSync(join(tmpdir(), 'mcpr-servers-'));
  readonly config = join(this.folder, 'mcp-router.json');
  private readonly listeners: ((payload: unknown) => void)[] = [];
  private readonly replicas: { registry: UpstreamRegistry; service: ServersService; feed: CatalogueFeed }[] = [];

  constructor(private readonly database: DataSource) {}

  async replica(env: Record<string, string> = {}) {
    const settings = RouterEnv.parse({
      DATABASE_URL: 'x',
      MCPR_DATA_DIR: this.folder,
      MCPR_CONFIG: this.config,
      OUTBOUND_ALLOW: 'loopback',
      ...env,
    });
    const bus = {
      instanceId: `router-${this.replicas.length}`,
      listen: (_: unknown, handler: (payload: unknown) => void) => (this.listeners.push(handler), () => undefined),
      broadcast: (event: unknown, payload: unknown) => {
        if (event === serverChanged) for (const listener of this.listeners) listener(payload);
        return Promise.resolve();
      },
      onResume: () => () => undefined,
      record: () => undefined,
      instances: () => [],
    } as unknown as Bus;
    const catalogue = new Catalogue();
    const feed = new CatalogueFeed(catalogue, bus, logger);
    const grants = new GrantStore(this.database, settings, logger);
    const registry = new UpstreamRegistry(catalogue, feed, settings, logger, grants);
    const rows = this.database.getRepository(ServerEntity);
    const service = new ServersService(rows, registry, grants, bus, settings, logger);
    await service.onApplicationBootstrap();
    this.replicas.push({ registry, service, feed });
    return { service, catalogue, registry, handler: new ServersHandler(service, registry, catalogue, nothingHeld) };
  }

  definitionOf(slug: string): ServerDefinition {
    const [replica] = this.replicas;
    if (!replica) throw new Error('there is no replica');
    return replica.service.get(slug).definition;
  }

  async close(): Promise<void> {
    for (const { registry, service, feed } of this.replicas) {
      await service.beforeApplicationShutdown();
      await registry.beforeApplicationShutdown();
      feed.onApplicationShutdown();
    }
    rmSync(this.folder, { recursive: true });
  }
}

const odd = (slug: string, env: Record<string, string> = {}) => ({
  slug,
  command: process.execPath,
  args: [ODD_SERVER],
  env,
});

it.each([
  [{ command: 'a\0b' }, ['command']],
  [{ command: 'a', args: ['x', 'a\0b'] }, ['args', 1]],
  [{ url: 'https://x.example', headers: { a: 'b\nc' } }, ['headers', 'a']],
  [{ url: 'https://x.example', headers: { 'a b': 'c' } }, ['headers', 'a b']],
  [{ url: 'ftp://x.example' }, ['url']],
  [{ command: 'a', url: 'https://x.example' }, ['url']],
  [{ command: 'a', surprise: 1 }, []],
  [{ command: 'a', oauth: {} }, ['oauth']],
  [{ url: 'https://x.example', headers: { authorization: 'Bearer x' }, oauth: {} }, ['oauth']],
  [{ url: 'https://x.example', oauth: { grant: 'client_credentials', clientId: 'x' } }, ['oauth']],
])('a definition like %j is refused before anything is made', (definition, path) => {
  const parsed = NewServer.safeParse({ slug: 'x', ...definition });
  expect(parsed.error?.issues.map((issue) => issue.path)).toEqual([path]);
});

it('the tables agree with the entities, and migrations go down and up again with rows in them', async () => {
  await checkMigrations(SETUP, async (database) => {
    await database.query(
      `INSERT INTO router.server (id, slug, source, definition) VALUES (gen_random_uuid(), 'a', 'rest', '{}')`,
    );
  });
});

describe('registered servers', () => {
  let database: DataSource;
  let closeDatabase: () => Promise<void>;
  let installation: Installation;
  beforeAll(async () => {
    ({ database, close: closeDatabase } = await openTestDatabase(SETUP));
  });
  afterAll(() => closeDatabase());
  beforeEach(async () => {
    await database.query('DELETE FROM router.server');
    installation = new Installation(database);
  });
  afterEach(() => installation.close());

  it('run once they are added, show names of secrets and never their values, and are gone once removed', async () => {
    const { handler, catalogue } = await installation.replica();
    const added = await handler.add({ server: odd('mine', { TOKEN: SECRET }), source: 'rest' });
    expect(added).toMatchObject({ slug: 'mine', source: 'rest', envNames: ['TOKEN'], type: 'stdio', version: '1' });
    expect(JSON.stringify(added)).not.toContain(SECRET);
    await until(() => catalogue.find('tools', 'mine__echo') !== undefined);
    expect(await handler.get({ server: added.id })).toMatchObject({
      state: 'ready',
      era: 'legacy',
      instances: [{ key: 'main' }],
    });
    await handler.remove({ server: 'mine' });
    expect(catalogue.find('tools', 'mine__echo')).toBeUndefined();
    expect(() => handler.get({ server: 'mine' })).toThrow(
      expect.objectContaining({ code: 'server_not_found' }) as Error,
    );
  });

  it('keep their secrets encrypted in the database', async () => {
    const { handler } = await installation.replica();
    await handler.add({ server: odd('mine', { TOKEN: SECRET }), source: 'rest' });
    expect(JSON.stringify(await database.query('SELECT * FROM router.server'))).not.toContain(SECRET);
    expect(readFileSync(join(installation.folder, 'secret.key'), 'utf8').trim()).toHaveLength(43);
  });

  it('show how they sign in and nothing of their credentials', async () => {
    const { handler } = await installation.replica();
    const oauth = { grant: 'client_credentials' as const, clientId: 'router', clientSecret: SECRET };
    const added = await handler.add({ server: { slug: 'wiki', url: 'http://127.0.0.1:9/mcp', oauth }, source: 'rest' });
    expect(added.authorization).toMatchObject({ grant: 'client_credentials' });
    const changed = await handler.update({ server: 'wiki', changes: { oauth: { scope: 'tools' } } });
    expect(JSON.stringify([added, changed])).not.toContain(SECRET);
    const rows = await database.query<unknown[]>('SELECT * FROM router.server');
    expect(JSON.stringify(rows)).not.toContain(SECRET);
    expect(installation.definitionOf('wiki').oauth).toEqual({ ...oauth, scope: 'tools' });
  });

  it('are refused when the name is taken, also by two at once', async () => {
    const { handler } = await installation.replica();
    const results = await Promise.allSettled([1, 2, 3].map(() => handler.add({ server: odd('same'), source: 'rest' })));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'conflict' });
  });

  it('are changed by a merge patch; a stale entity tag is refused and nothing changes', async () => {
    const { handler, service } = await installation.replica();
    await handler.add({ server: odd('mine', { A: 'one', B: 'two' }), source: 'rest' });
    const changes = { env: { A: null, C: 'three' }, callTimeoutMs: 1234 };
    expect(await handler.update({ server: 'mine', changes, ifMatch: '1' })).toMatchObject({
      version: '2',
      envNames: ['B', 'C'],
    });
    expect(service.get('mine').definition).toMatchObject({ env: { B: 'two', C: 'three' }, callTimeoutMs: 1234 });
    for (const ifMatch of ['1', 'no version'])
      await expect(handler.update({ server: 'mine', changes: {}, ifMatch })).rejects.toMatchObject({
        code: 'precondition_failed',
      });
    await expect(handler.update({ server: 'mine', changes: { url: 'https://x.example' } })).rejects.toMatchObject({
      code: 'invalid_request',
      errors: [{ pointer: '/url' }],
    });
    expect(service.get('mine').version).toBe('2');
  });

  it('are disabled and enabled', async () => {
    const { handler, catalogue } = await installation.replica();
    await handler.add({ server: odd('mine'), source: 'rest' });
    await until(() => catalogue.counts('mine').tools > 0);
    expect(await handler.setEnabled({ server: 'mine', enabled: false })).toMatchObject({
      state: 'disabled',
      enabled: false,
    });
    expect(catalogue.list('tools').items).toEqual([]);
    await handler.setEnabled({ server: 'mine', enabled: true });
    await until(() => catalogue.counts('mine').tools > 0);
  });

  it('are followed by every replica', async () => {
    const one = await installation.replica();
    const two = await installation.replica();
    await one.handler.add({ server: odd('mine', { TOKEN: SECRET }), source: 'rest' });
    await until(() => two.catalogue.counts('mine').tools > 0);
    await two.handler.remove({ server: 'mine' });
    await until(() => one.service.list().length === 0);
  });

  it('stay readable when the key is changed, in every replica', async () => {
    const one = await installation.replica();
    const two = await installation.replica();
    await one.handler.add({ server: odd('mine', { TOKEN: SECRET }), source: 'rest' });
    const before = await database.query<[{ secrets: string }]>('SELECT secrets FROM router.server');
    const { keyId, servers } = await one.handler.rotate();
    expect(servers).toBe(1);
    const after = await database.query<[{ secrets: string }]>('SELECT secrets FROM router.server');
    expect(after[0].secrets).toMatch(new RegExp(`^${keyId}\\.`));
    expect(before[0].secrets.startsWith(keyId)).toBe(false);
    await two.handler.update({ server: 'mine', changes: { description: 'x' } });
    expect(two.service.get('mine').definition.env).toEqual({ TOKEN: SECRET });
    expect((await installation.replica()).service.get('mine').definition.env).toEqual({ TOKEN: SECRET });
  });

  it('whose key is lost say so, are not started, and do not disturb the others', async () => {
    const { handler } = await installation.replica({ MCPR_SECRET_KEY: 'the first key of all' });
    await handler.add({ server: odd('locked', { TOKEN: SECRET }), source: 'rest' });
    await handler.add({ server: odd('open'), source: 'rest' });
    const later = await installation.replica({ MCPR_SECRET_KEY: 'quite another key now' });
    expect(await later.handler.get({ server: 'locked' })).toMatchObject({
      state: 'unreachable',
      lastError: expect.stringContaining('cannot be decrypted') as string,
    });
    await until(() => later.catalogue.counts('open').tools > 0);
    const rotated = { MCPR_SECRET_KEY: 'quite another key now', MCPR_SECRET_KEY_PREVIOUS: 'the first key of all' };
    const last = await installation.replica(rotated);
    expect(await last.handler.rotate()).toMatchObject({ servers: 1 });
    expect(
      (await installation.replica({ MCPR_SECRET_KEY: 'quite another key now' })).service.get('locked').fault,
    ).toBeUndefined();
  });

  it('of the file are shown as such, cannot be changed over REST, and only the changed one restarts', async () => {
    const write = (servers: object): void =>
      writeFileSync(installation.config, JSON.stringify({ mcpServers: servers }));
    const server = { command: process.execPath, args: [ODD_SERVER] };
    write({ One: server, two: server });
    const { handler, registry, catalogue } = await installation.replica();
    await until(() => catalogue.counts('one').tools > 0 && catalogue.counts('two').tools > 0);
    const pidOf = (slug: string) => registry.supervisedBy(slug)?.connections[0]?.pid;
    const before = [pidOf('one'), pidOf('two')];
    await expect(handler.remove({ server: 'one' })).rejects.toMatchObject({ code: 'read_only' });
    await expect(handler.setEnabled({ server: 'one', enabled: false })).rejects.toMatchObject({
      code: 'read_only',
      hint: expect.stringContaining('"disabled": true') as string,
    });
    expect(await handler.get({ server: 'one' })).toMatchObject({ source: 'file' });

    const start = performance.now();
    write({ One: server, two: { ...server, env: { NEW: '1' } }, three: server });
    await until(() => catalogue.counts('three').tools > 0);
    // The file is watched: nobody waits for a next look at it.
    expect(performance.now() - start).toBeLessThan(15_000);
    await until(() => pidOf('two') !== undefined && pidOf('two') !== before[1]);
    expect(pidOf('one')).toBe(before[0]);

    write({ One: server });
    await until(() => catalogue.slugs.join() === 'one');
    expect(await handler.config()).toMatchObject({ exists: true, faults: [], servers: ['one'] });
  });

  it('come in pages, in order of their names', async () => {
    const { handler } = await installation.replica();
    for (const slug of ['c', 'a', 'b']) await handler.add({ server: { ...odd(slug), enabled: false }, source: 'rest' });
    const first = await handler.list({ limit: 2 });
    expect(first.items.map(({ slug }) => slug)).toEqual(['a', 'b']);
    const second = await handler.list({ limit: 2, cursor: first.nextCursor ?? '' });
    expect([second.items.map(({ slug }) => slug), second.nextCursor]).toEqual([['c'], null]);
  });

  it('whose command does not exist, or whose address refuses, say so and leave the others alone', async () => {
    const { handler, catalogue } = await installation.replica();
    await handler.add({ server: odd('good'), source: 'rest' });
    await handler.add({ server: { slug: 'nothing', command: '/does/not/exist' }, source: 'rest' });
    await handler.add({ server: { slug: 'closed', url: 'http://127.0.0.1:9/mcp' }, source: 'rest' });
    await handler.add({ server: { slug: 'forbidden', url: 'http://169.254.169.254/mcp' }, source: 'rest' });
    await handler.add({ server: { slug: 'credentials', url: 'http://user:pass@127.0.0.1:9/mcp' }, source: 'rest' });
    await until(() => catalogue.counts('good').tools > 0);
    const said = async (server: string) => (await handler.get({ server })).lastError ?? '';
    await until(async () => (await said('nothing')).includes('was not found'));
    await until(async () => (await said('closed')).includes('refuses connections'));
    await until(async () => (await said('forbidden')).includes('refused'));
    await until(async () => (await said('credentials')).includes('Credentials'));
    expect(await handler.probe({ server: 'good', timeoutMs: 2_000 })).toMatchObject({ ok: true, error: null });
    expect(await handler.probe({ server: 'nothing', timeoutMs: 2_000 })).toMatchObject({ ok: false });
  });
});
