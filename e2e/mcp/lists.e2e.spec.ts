import { stdioUpstream } from '../conformance/upstream';
import { eventually, startSystem, type System } from '../system';
import { mirrorUpstream } from './mirror';
import { gather, JSON_HEADERS, post, RawSession, type JsonRpc } from './raw-client';

const ENVELOPE = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
};
const SERVER_INFO = 'io.modelcontextprotocol/serverInfo';
const PAGE_SIZE = 7;
const STARTS_IN_MS = 1_500;

type Ask = (method: string, params?: object) => Promise<JsonRpc>;

async function modern(url: string, method: string, params: object = {}, name?: string): Promise<JsonRpc> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 'm', method, params: { ...params, _meta: ENVELOPE } });
  const headers = { ...JSON_HEADERS, 'mcp-protocol-version': '2026-07-28', 'mcp-method': method };
  const { texts } = await post(url, body, name === undefined ? headers : { ...headers, 'mcp-name': name });
  return JSON.parse(texts.at(-1) ?? '{}') as JsonRpc;
}

describe('what an endpoint says and lists', () => {
  let system: System;
  beforeAll(async () => {
    const env = { LIST_PAGE_SIZE: String(PAGE_SIZE), START_PATIENCE_MS: '0' };
    system = await startSystem({ gateways: 2, routers: 2, discovery: 0, monitor: 0, analyzer: 0, env });
    for (const slug of ['one', 'two', 'three']) await system.addServer({ slug, ...mirrorUpstream() });
    await system.addServer({ slug: 'new', ...stdioUpstream('new') });
  });
  afterAll(() => system.stop());

  const CLIENTS: [string, (path: string) => Promise<Ask>][] = [
    [
      'an old client',
      async (path) => {
        const session = await RawSession.open(system.url + path);
        return (method, params) => session.request(method, params);
      },
    ],
    // Each page may come from another replica.
    ['a new client', (path) => Promise.resolve((method, params) => modern(system.url + path, method, params))],
  ];

  it.each(CLIENTS)('come in pages to %s, each item once, in the same order again', async (_, connect) => {
    const ask = await connect('/mcp');
    const readAll = async () => {
      const names: string[] = [];
      let cursor: unknown;
      do {
        const { result, error } = await ask('tools/list', cursor === undefined ? {} : { cursor });
        expect(error).toBeUndefined();
        const page = (result?.['tools'] as { name: string }[]).map(({ name }) => name);
        expect(page.length).toBeLessThanOrEqual(PAGE_SIZE);
        names.push(...page);
        cursor = result?.['nextCursor'];
      } while (cursor !== undefined);
      return names;
    };
    const names = await readAll();
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(expect.arrayContaining(['one__mirror', 'three__count', 'two__slow', 'router__list_servers']));
    const slugs = names.map((name) => name.split('__')[0] ?? '');
    expect(slugs).toEqual([...slugs].sort());
    expect(await readAll()).toEqual(names);
  });

  it.each(CLIENTS)('refuse to %s a cursor that they did not give out', async (_, connect) => {
    const [all, one] = [await connect('/mcp'), await connect('/mcp/one')];
    const cursor = (await all('tools/list')).result?.['nextCursor'];
    expect(typeof cursor).toBe('string');
    for (const [ask, wrong] of [
      [all, 'garbage'],
      [all, ''],
      [all, 7],
      [one, cursor],
    ] as const) {
      expect((await ask('tools/list', { cursor: wrong })).error?.code).toBe(-32602);
    }
    expect((await all('prompts/list', { cursor })).error?.code).toBe(-32602);
  });

  it('name the router on the aggregate and the server on its own endpoint, in lists and results', async () => {
    const nameIn = ({ result }: JsonRpc) =>
      ((result?.['_meta'] as Record<string, { name: string }> | undefined)?.[SERVER_INFO] ?? { name: '' }).name;
    const [all, own] = [`${system.url}/mcp`, `${system.url}/mcp/new`];
    expect(nameIn(await modern(all, 'tools/list'))).toBe('mcp-router');
    expect(nameIn(await modern(own, 'tools/list'))).toBe('conformance-upstream');
    const call = (name: string) => ({ name, arguments: {} });
    const public_ = 'new__test_simple_text';
    expect(nameIn(await modern(all, 'tools/call', call(public_), public_))).toBe('mcp-router');
    const name = 'test_simple_text';
    expect(nameIn(await modern(own, 'tools/call', call(name), name))).toBe('conformance-upstream');
  });

  it.each(CLIENTS)('of a server that is starting are waited for by %s, never empty', async (what, connect) => {
    const slug = what === 'an old client' ? 'late-old' : 'late-new';
    const env = { MIRROR_LIST_DELAY_MS: String(STARTS_IN_MS) };
    const reply = await system.api('POST', '/api/v1/servers', { slug, ...mirrorUpstream(env) });
    expect(reply.status).toBe(201);
    const all = await connect('/mcp');
    // The other router hears of the server a moment later.
    const first = async (): Promise<JsonRpc> => {
      let reply: JsonRpc | undefined;
      await eventually(async () => {
        const own = await connect(`/mcp/${slug}`).catch(() => undefined);
        reply = await own?.('tools/list');
        return reply !== undefined && reply.error?.message.includes('No server') !== true;
      });
      return reply ?? {};
    };
    let isAnswered = false;
    const asked = first().finally(() => (isAnswered = true));
    expect((await all('tools/list')).result?.['tools']).toHaveLength(PAGE_SIZE);
    // What is ready is given at once, while the other still waits.
    expect(isAnswered).toBe(false);
    expect(JSON.stringify((await asked).result)).toContain('"mirror"');
  });

  it.each(CLIENTS)('are not all there is: %s reads what a server has linked to', async (what, connect) => {
    const ask = await connect('/mcp');
    const uri = `unlisted://${what.replace(/ /g, '-')}`;
    const read = async () => {
      const { result, error } =
        what === 'an old client'
          ? await ask('resources/read', { uri })
          : await modern(`${system.url}/mcp`, 'resources/read', { uri }, uri);
      return (result?.['contents'] as { text: string }[] | undefined)?.[0]?.text ?? error?.code;
    };
    expect(await read()).toBe(what === 'an old client' ? -32002 : -32602);
    const call = { name: 'two__link', arguments: { uri } };
    const { result } =
      what === 'an old client'
        ? await ask('tools/call', call)
        : await modern(`${system.url}/mcp`, 'tools/call', call, call.name);
    expect(result?.['content']).toEqual([{ type: 'resource_link', uri, name: 'unlisted' }]);
    // The other router may be asked before it can know.
    await eventually(async () => {
      const answers = [await read(), await read(), await read(), await read()];
      return answers.every((answer) => answer === 'read');
    });
  });

  const textOf = ({ result }: JsonRpc) => (result?.['content'] as { text: string }[])[0]?.text;
  const UPDATED = 'notifications/resources/updated';

  it('are not all there is: an old client follows what a server has linked to', async () => {
    const session = await RawSession.open(`${system.url}/mcp`);
    const abort = new AbortController();
    const events = gather(await session.listen(abort.signal));
    const uri = 'unlisted://followed-by-a-session';
    for (const method of ['resources/subscribe', 'resources/unsubscribe'])
      expect((await session.request(method, { uri })).error?.code).toBe(-32002);
    await session.call('two__link', { uri });
    expect((await session.request('resources/subscribe', { uri })).result).toEqual({});
    expect(textOf(await session.call('two__touch', { uri }))).toBe('true');
    await eventually(() => events.some(({ method, params }) => method === UPDATED && params?.['uri'] === uri));
    // Another server that links to it does not take it over.
    await session.call('three__link', { uri });
    expect((await session.request('resources/unsubscribe', { uri })).result).toEqual({});
    expect(textOf(await session.call('two__touch', { uri }))).toBe('false');
    abort.abort();
  });

  it('are not all there is: a new client listens for what a server has linked to', async () => {
    const uri = 'unlisted://followed-by-a-stream';
    const call = (name: string) => modern(`${system.url}/mcp`, 'tools/call', { name, arguments: { uri } }, name);
    const abort = new AbortController();
    const listen = async () => {
      const params = { notifications: { resourceSubscriptions: [uri] }, _meta: ENVELOPE };
      const events = gather(
        await fetch(`${system.url}/mcp`, {
          method: 'POST',
          headers: {
            ...JSON_HEADERS,
            'mcp-protocol-version': '2026-07-28',
            'mcp-method': 'subscriptions/listen',
          },
          body: JSON.stringify({ jsonrpc: '2.0', id: 'l', method: 'subscriptions/listen', params }),
          signal: abort.signal,
        }),
      );
      await eventually(() => events.length > 0);
      return {
        events,
        granted: (events[0]?.params?.['notifications'] as { resourceSubscriptions: string[] }).resourceSubscriptions,
      };
    };
    expect((await listen()).granted).toEqual([]);
    await call('two__link');
    // The other router may be asked before it can know.
    let heard: JsonRpc[] = [];
    await eventually(async () => {
      const { events, granted } = await listen();
      heard = events;
      return granted.includes(uri);
    });
    // Each router has a process of the server: it has to be the one that is listened to.
    await eventually(async () => {
      await call('two__touch');
      return heard.some(({ method, params }) => method === UPDATED && params?.['uri'] === uri);
    });
    abort.abort();
  });

  it('are described by a card below each address, which pages of any origin may read', async () => {
    const headers = { origin: 'https://somewhere.example' };
    const { body: catalog } = await system.api<{ entries: { url: string }[] }>('GET', '/.well-known/ai-catalog.json');
    const [entry] = catalog.entries;
    expect(entry?.url).toBe(`${system.url}/mcp/server-card`);
    const all = await fetch(entry?.url ?? '', { headers });
    expect([all.status, all.headers.get('access-control-allow-origin')]).toEqual([200, '*']);
    expect(all.headers.get('content-type')).toContain('application/mcp-server-card+json');
    expect(await all.json()).toMatchObject({ name: 'mcp-router/all', remotes: [{ url: `${system.url}/mcp` }] });
    const known = { 'if-none-match': all.headers.get('etag') ?? '' };
    expect((await fetch(entry?.url ?? '', { headers: known })).status).toBe(304);
    const one = await system.api('GET', '/mcp/one/server-card');
    expect(one.body).toMatchObject({ name: 'mcp-router/one', remotes: [{ url: `${system.url}/mcp/one` }] });
    expect((await system.api('GET', '/mcp/nobody/server-card')).status).toBe(404);
    // Everything else below /mcp is MCP, where a foreign origin is refused.
    expect((await fetch(`${system.url}/mcp`, { headers })).status).toBe(403);
  });

  it('leave no server the name of the card', async () => {
    const { status } = await system.api('POST', '/api/v1/servers', { slug: 'server-card', ...mirrorUpstream() });
    expect(status).toBe(400);
  });
});
