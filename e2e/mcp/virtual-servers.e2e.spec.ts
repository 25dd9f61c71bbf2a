import { stdioUpstream } from '../conformance/upstream';
import { eventually, startSystem, type System } from '../system';
import { mirrorUpstream } from './mirror';
import { gather, JSON_HEADERS, post, RawSession, type JsonRpc } from './raw-client';

interface View {
  id: string;
  slug: string;
  tools: string[];
  clashes: object[];
  version: string;
}

const API = '/api/v1/virtual-servers';

describe('virtual servers', () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ gateways: 2, routers: 2, discovery: 0, monitor: 0, analyzer: 0 });
    await system.addServer({ slug: 'mirror', ...mirrorUpstream() });
    await system.addServer({ slug: 'second', ...mirrorUpstream() });
    await system.addServer({ slug: 'old', ...stdioUpstream('old') });
    await system.addServer({ slug: 'new', ...stdioUpstream('new') });
  });
  afterAll(() => system.stop());

  const servers = [
    { server: 'mirror', tools: ['mirror', 'count'] },
    { server: 'new', tools: ['test_simple_text', 'test_error_h*'] },
    { server: 'old', tools: ['test_image_content'] },
  ];
  const TOOLS = ['mirror', 'count', 'test_simple_text', 'test_error_handling'];
  const namesOf = ({ result }: JsonRpc) => (result?.['tools'] as { name: string }[]).map(({ name }) => name);
  const modern = async (method: string, params: { name?: string } = {}, path = '/mcp/desk') => {
    const _meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {},
    };
    const headers = { ...JSON_HEADERS, 'mcp-protocol-version': '2026-07-28', 'mcp-method': method };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta } });
    const { texts } = await post(
      system.url + path,
      body,
      params.name === undefined ? headers : { ...headers, 'mcp-name': params.name },
    );
    return JSON.parse(texts.at(-1) ?? '{}') as JsonRpc;
  };
  /** Both routers know of a change after a moment. */
  const everywhere = (isTrue: (reply: JsonRpc) => boolean, path?: string) => {
    let inARow = 0;
    return eventually(async () => {
      inARow = isTrue(await modern('tools/list', {}, path)) ? inARow + 1 : 0;
      return inARow >= 6;
    });
  };

  it('are refused while two of their servers have the same names', async () => {
    const twice = await system.api('POST', API, {
      slug: 'desk',
      servers: [{ server: 'mirror' }, { server: 'second' }],
    });
    expect(twice.status).toBe(409);
    expect(JSON.stringify(twice.body)).toContain('count');
    // Of these the tools differ, but not the prompts.
    expect((await system.api('POST', API, { slug: 'desk', servers })).status).toBe(409);
  });

  it('offer what was chosen to clients of both eras under its own names', async () => {
    const made = await system.api<View>('POST', API, { slug: 'desk', servers: servers.slice(0, 2) });
    expect(made.status).toBe(201);
    expect(made.headers.get('location')).toBe(`${API}/desk`);
    expect(made.body.tools).toEqual(TOOLS);
    await everywhere(({ error }) => error === undefined);
    const session = await RawSession.open(`${system.url}/mcp/desk`);
    expect(namesOf(await session.request('tools/list'))).toEqual(TOOLS);
    expect(namesOf(await modern('tools/list'))).toEqual(TOOLS);
  });

  it('carry calls, prompts and resources to the servers they are of, and nothing else', async () => {
    const session = await RawSession.open(`${system.url}/mcp/desk`);
    expect((await session.call('count')).result?.['content']).toBeDefined();
    expect(JSON.stringify((await session.call('test_simple_text')).result)).toContain('simple text');
    expect((await modern('tools/call', { name: 'test_simple_text' })).result?.['resultType']).toBe('complete');
    expect((await modern('tools/call', { name: 'count' })).result?.['resultType']).toBe('complete');
    expect((await session.request('prompts/get', { name: 'test_simple_prompt' })).result?.['messages']).toBeDefined();
    expect((await session.request('resources/read', { uri: 'test://static-text' })).result).toBeDefined();
    for (const name of ['slow', 'test_image_content', 'mirror__count']) {
      expect((await session.call(name)).error).toMatchObject({ code: -32602, message: `Unknown tool: ${name}` });
    }
    const { result } = await modern('server/discover');
    expect(result?.['_meta']).toMatchObject({ 'io.modelcontextprotocol/serverInfo': { name: 'mcp-router' } });
  });

  it('are changed with their version, told to those who listen, and keep to one namespace with servers', async () => {
    const abort = new AbortController();
    const session = await RawSession.open(`${system.url}/mcp/desk`);
    const events = gather(await session.listen(abort.signal));
    const { headers } = await system.api<View>('GET', `${API}/desk`);
    const etag = headers.get('etag') ?? '';
    const fewer = { servers: [{ server: 'mirror', tools: ['count'] }] };
    for (const tag of ['"99"', 'no version'])
      expect((await system.api('PATCH', `${API}/desk`, fewer, { 'if-match': tag })).status).toBe(412);
    const changed = await system.api<View>('PATCH', `${API}/desk`, fewer, { 'if-match': etag });
    expect([changed.status, changed.body.tools]).toEqual([200, ['count']]);
    await eventually(() => events.some(({ method }) => method === 'notifications/tools/list_changed'));
    await everywhere((reply) => namesOf(reply).length === 1);
    abort.abort();

    expect((await system.api('POST', '/api/v1/servers', { slug: 'desk', ...mirrorUpstream() })).status).toBe(409);
    expect((await system.api('POST', API, { slug: 'mirror', servers: fewer.servers })).status).toBe(409);
    expect((await system.api('POST', API, { slug: 'other', servers: [{ server: 'nobody' }] })).status).toBe(400);
    expect((await system.api<{ items: View[] }>('GET', API)).body.items.map(({ slug }) => slug)).toEqual(['desk']);
  });

  it('are gone when they are removed; their servers stay', async () => {
    expect((await system.api('DELETE', `${API}/desk`)).status).toBe(204);
    expect((await system.api('GET', `${API}/desk`)).status).toBe(404);
    await everywhere(({ error }) => error !== undefined);
    expect((await modern('tools/call', { name: 'count' }, '/mcp/mirror')).result).toBeDefined();
  });
});
