import { AuthorizationServer } from '../../apps/router/src/testing/authorization-server';
import { eventually, startSystem, type System } from '../system';

interface ServerView {
  state: string;
  authorization?: { state: string };
  counts: { tools: number };
}

/** A server of 2026-07-28 with one tool. */
function answer(body: string): string {
  const { id, method } = JSON.parse(body) as { id: unknown; method: string };
  const results: Record<string, object> = {
    'server/discover': { supportedVersions: ['2026-07-28'], capabilities: { tools: {} } },
    'tools/list': { tools: [{ name: 'read', inputSchema: { type: 'object' } }], ttlMs: 0, cacheScope: 'private' },
    'tools/call': { content: [{ type: 'text', text: 'a page of the wiki' }] },
  };
  return JSON.stringify({ jsonrpc: '2.0', id, result: { resultType: 'complete', ...results[method] } });
}

describe('a server that wants OAuth tokens, behind two gateways and two routers', () => {
  let system: System;
  const wiki = new AuthorizationServer(answer);
  beforeAll(async () => {
    await wiki.listen();
    system = await startSystem({ gateways: 2, routers: 2, discovery: 0, monitor: 0, analyzer: 0 });
  });
  afterAll(async () => {
    await system.stop();
    wiki.close();
  });

  /** What several requests in a row say, so that each router was asked. */
  const views = () =>
    Promise.all(
      Array.from({ length: 8 }, async () => (await system.api<ServerView>('GET', '/api/v1/servers/wiki')).body),
    );
  const everywhere = (holds: (view: ServerView) => boolean) =>
    eventually(async () => (await views()).every(holds), 60_000);
  const call = async () => (await system.api('POST', '/api/v1/tools/wiki__read/call', { arguments: {} })).status;

  it('needs a person once: every router is signed in then, also after a restart, until it is signed out', async () => {
    await system.api('POST', '/api/v1/servers', { slug: 'wiki', url: wiki.url, oauth: {} });
    await everywhere(({ authorization }) => authorization?.state === 'needed');
    expect(await call()).toBe(404);

    const { body } = await system.api<{ authorizationUrl: string }>('POST', '/api/v1/servers/wiki/authorization');
    const { state, code } = await wiki.consent(body.authorizationUrl);
    // Without a key: it is the person's browser that comes back, and through any gateway.
    const back = `${system.url}/oauth/callback?${new URLSearchParams({ state, code }).toString()}`;
    expect((await fetch(back)).status).toBe(200);
    expect((await fetch(back)).status).toBe(404);
    await everywhere(({ authorization, counts }) => authorization?.state === 'granted' && counts.tools === 1);
    for (let i = 0; i < 4; i++) expect(await call()).toBe(200);

    // The tokens die; every router finds out by itself, and the refresh token is used once.
    wiki.valid.clear();
    expect(await Promise.all(Array.from({ length: 8 }, call))).toEqual(Array.from({ length: 8 }, () => 200));
    expect([wiki.reused, wiki.asked]).toEqual([0, ['authorization_code', 'refresh_token']]);

    await system.restart();
    await everywhere(({ state: its, counts }) => its === 'ready' && counts.tools === 1);
    expect(await call()).toBe(200);
    expect(wiki.asked).toHaveLength(2);

    expect((await system.api('DELETE', '/api/v1/servers/wiki/authorization')).status).toBe(204);
    await everywhere(({ authorization }) => authorization?.state === 'needed');
    expect(system.services.map(({ log }) => log).join('')).not.toMatch(/token-[0-9a-f]{16}|refresh-[0-9a-f]{16}/);
  });
});
