import { createServer, type AddressInfo, type Server } from 'node:net';
import type { Bus } from '@mcp-router/platform';
import { fastest, until } from '@mcp-router/platform/testing';
import { pino } from 'pino';
import type { GrantStore } from '../authorization/grant-store';
import { Catalogue } from '../catalogue/catalogue';
import { CatalogueFeed } from '../catalogue/catalogue-feed';
import { RouterEnv } from '../config';
import { toSpec } from '../servers/server-spec';
import { ODD_SERVER } from '../testing/processes';
import { ask } from '../testing/upstream-bench';
import { UpstreamRegistry } from './upstream-registry';

const env = RouterEnv.parse({ DATABASE_URL: 'x', OUTBOUND_ALLOW: 'loopback', CONNECT_TIMEOUT_MS: '3000' });
const bus = { instanceId: 'router-test', broadcast: () => Promise.resolve(), instances: () => [] } as unknown as Bus;
const logger = pino({ level: 'silent' });

describe('a good server among bad ones', () => {
  let silent: Server;
  let registry: UpstreamRegistry;
  let feed: CatalogueFeed;
  const catalogue = new Catalogue();

  beforeAll(async () => {
    silent = createServer(() => undefined);
    await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done));
    feed = new CatalogueFeed(catalogue, bus, logger);
    registry = new UpstreamRegistry(catalogue, feed, env, logger, {} as GrantStore);
    const odd = (...habits: string[]) => ({ command: process.execPath, args: [ODD_SERVER, ...habits] });
    const definitions = {
      good: odd(),
      'refuses-tcp': { url: 'http://127.0.0.1:9/mcp' },
      hangs: { url: `http://127.0.0.1:${(silent.address() as AddressInfo).port}/mcp` },
      crashes: odd('--crash-at-start'),
      mute: odd('--never-initialize'),
      'answers-late': odd('--slow-list=60000'),
    };
    for (const [slug, definition] of Object.entries(definitions))
      registry.apply(toSpec(slug, definition, env, { PATH: '/usr/local/bin:/usr/bin:/bin' }, true));
    await until(() => catalogue.counts('good').tools > 0);
  });
  afterAll(async () => {
    await registry.beforeApplicationShutdown();
    feed.onApplicationShutdown();
    silent.close();
  });

  it('is listed and called within 50 ms while the others refuse, hang, crash, are mute or late', async () => {
    const good = registry.get('good');
    if (!good) throw new Error('the good server is not there');
    const took = await fastest(() =>
      expect(catalogue.list('tools').items.map(({ server }) => server)).toContain('good'),
    );
    expect(took).toBeLessThan(50);
    expect(await ask(good, 'tools/call', { name: 'echo', arguments: { text: 'x' } })).toMatchObject({ result: {} });
  });

  it.each([
    ['refuses-tcp', 'refuses connections'],
    ['hangs', 'No connection within 3000 ms'],
    ['crashes', 'exited with code 3'],
    ['mute', 'No connection within 3000 ms'],
  ])('sees that %s says why, and when it is tried again', async (slug, reason) => {
    const upstream = registry.get(slug);
    await until(() => upstream?.state === 'unreachable');
    expect(upstream?.lastError).toContain(reason);
    expect(upstream?.nextRetryAt).toBeInstanceOf(Date);
  });
});
