import { request as httpRequest } from 'node:http';
import { startSystem, type System } from '../system';
import { mirrorUpstream } from './mirror';
import { JSON_HEADERS, post, RawSession, type JsonRpc } from './raw-client';

const ENVELOPE = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
};
const MODERN = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'count' };
const modernCall = (params: object = {}) =>
  JSON.stringify({
    jsonrpc: '2.0',
    id: 7,
    method: 'tools/call',
    params: { name: 'count', arguments: {}, _meta: ENVELOPE, ...params },
  });

describe('what the MCP door refuses, and how', () => {
  let system: System;
  let url: string;
  beforeAll(async () => {
    system = await startSystem({
      discovery: 0,
      monitor: 0,
      analyzer: 0,
      env: { CALL_TIMEOUT_MS: '1500', MAX_BODY_BYTES: '1048576' },
    });
    await system.addServer({ slug: 'mirror', ...mirrorUpstream() });
    url = `${system.url}/mcp/mirror`;
  });
  afterAll(() => system.stop());

  const initialize =
    '{"jsonrpc":"2.0","id":7,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}';
  const ping = '{"jsonrpc":"2.0","id":7,"method":"ping"}';

  interface Case {
    what: string;
    body: string;
    headers?: Record<string, string>;
    status: number;
    code?: number;
    id?: unknown;
  }
  it.each<Case>([
    { what: 'a foreign Origin', body: initialize, headers: { origin: 'http://evil.example' }, status: 403 },
    { what: 'invalid JSON', body: '{"jsonrpc":', status: 400, code: -32700, id: null },
    { what: 'JSON that is no message', body: '"hello"', status: 400, code: -32600, id: null },
    { what: 'an id that is null', body: '{"jsonrpc":"2.0","id":null,"method":"ping"}', status: 400, code: -32600 },
    { what: 'a missing Accept', body: initialize, headers: { accept: 'text/html' }, status: 406, code: -32600 },
    { what: 'Accept without event streams', body: initialize, headers: { accept: 'application/json' }, status: 406 },
    { what: 'another content type', body: initialize, headers: { 'content-type': 'text/plain' }, status: 415 },
    { what: 'a request without a session', body: ping, status: 400, code: -32600, id: 7 },
    {
      what: 'a notification without a session',
      body: '{"jsonrpc":"2.0","method":"notifications/initialized"}',
      status: 400,
    },
    {
      what: 'an unknown session',
      body: ping,
      headers: { 'mcp-session-id': 'router-000000000000.nothing' },
      status: 404,
      id: 7,
    },
    { what: 'a session id of another form', body: ping, headers: { 'mcp-session-id': 'x' }, status: 404 },
    {
      what: 'an unsupported version',
      body: ping,
      headers: { 'mcp-session-id': 'x', 'mcp-protocol-version': '1999-01-01' },
      status: 400,
    },
    { what: 'a batch outside of 2025-03-26', body: `[${ping}]`, headers: { 'mcp-session-id': 'x' }, status: 404 },
    {
      what: 'a modern request without Mcp-Method',
      body: modernCall(),
      headers: { 'mcp-protocol-version': '2026-07-28' },
      status: 400,
      code: -32020,
      id: 7,
    },
    {
      what: 'a modern request without Mcp-Name',
      body: modernCall(),
      headers: { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call' },
      status: 400,
      code: -32020,
    },
    {
      what: 'an Mcp-Name that is another',
      body: modernCall(),
      headers: { ...MODERN, 'mcp-name': 'other' },
      status: 400,
      code: -32020,
    },
    {
      what: 'an Mcp-Name of bad Base64',
      body: modernCall(),
      headers: { ...MODERN, 'mcp-name': '=?base64?%%?=' },
      status: 400,
      code: -32020,
    },
    {
      what: 'a version header that is another',
      body: modernCall(),
      headers: { ...MODERN, 'mcp-protocol-version': '2025-11-25' },
      status: 400,
      code: -32020,
    },
    {
      what: 'an unknown modern version',
      body: modernCall({ _meta: { ...ENVELOPE, 'io.modelcontextprotocol/protocolVersion': '2999-01-01' } }),
      headers: { ...MODERN, 'mcp-protocol-version': '2999-01-01' },
      status: 400,
      code: -32022,
    },
    {
      what: 'a modern request without capabilities',
      body: modernCall({ _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } }),
      headers: MODERN,
      status: 400,
      code: -32602,
    },
    {
      what: 'a removed method',
      body: JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'ping', params: { _meta: ENVELOPE } }),
      headers: { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'ping' },
      status: 404,
      code: -32601,
      id: 7,
    },
    {
      what: 'an unknown modern method',
      body: JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'x/y', params: { _meta: ENVELOPE } }),
      headers: { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'x/y' },
      status: 404,
      code: -32601,
      id: 7,
    },
  ])('$what: $status $code', async ({ body, headers, status, code, id }) => {
    const answer = await post(url, body, headers);
    expect(answer.status).toBe(status);
    const message = JSON.parse(answer.texts[0] ?? '{}') as JsonRpc;
    expect(message.error).toBeDefined();
    if (code !== undefined) expect(message.error?.code).toBe(code);
    if (id !== undefined) expect(message.id).toEqual(id);
  });

  it('a Host that is not ours: 403', async () => {
    const { hostname, port } = new URL(url);
    const status = await new Promise((resolve, reject) => {
      const request = httpRequest(
        { hostname, port, path: '/mcp', method: 'POST', headers: { ...JSON_HEADERS, host: 'evil.example' } },
        ({ statusCode }) => resolve(statusCode),
      );
      request.once('error', reject).end(initialize);
    });
    expect(status).toBe(403);
  });

  it('an unknown server: 404', async () => {
    expect((await post(`${system.url}/mcp/nobody`, initialize)).status).toBe(404);
  });

  it('a wrong key: 401 with a challenge', async () => {
    const answer = await post(url, initialize, { authorization: 'Bearer wrong' });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toContain('Bearer');
  });

  it('a body of 50 MB: 413, and the door stays open', async () => {
    const answer = await post(url, `"${'x'.repeat(50_000_000)}"`);
    expect(answer.status).toBe(413);
    expect((await post(url, initialize)).status).toBe(200);
  });

  it.each(['PUT', 'PATCH'])('the method %s: 405', async (method) => {
    expect((await fetch(url, { method, headers: JSON_HEADERS })).status).toBe(405);
  });

  it('GET and DELETE of a modern client: 405', async () => {
    for (const method of ['GET', 'DELETE']) {
      const response = await fetch(url, {
        method,
        headers: { accept: 'text/event-stream', 'mcp-protocol-version': '2026-07-28' },
      });
      expect(response.status).toBe(405);
    }
  });

  it('an ended session: 404', async () => {
    const session = await RawSession.open(url);
    expect((await fetch(url, { method: 'DELETE', headers: session.headers })).status).toBe(200);
    expect((await session.post(ping)).status).toBe(404);
  });

  it("another agent's session: 404", async () => {
    const session = await RawSession.open(url, '2025-06-18', {}, { authorization: `Bearer ${system.key}` });
    expect((await post(url, ping, { 'mcp-session-id': session.id })).status).toBe(404);
  });

  it('a session of another endpoint: 404', async () => {
    const session = await RawSession.open(url);
    expect((await post(`${system.url}/mcp`, ping, session.headers)).status).toBe(404);
  });

  it('the id of a request in flight: 400', async () => {
    const session = await RawSession.open(url);
    const body = '{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"slow","arguments":{"ms":1000}}}';
    const both = await Promise.all([session.post(body), session.post(body)]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 400]);
  });

  it('a batch: only in a session of 2025-03-26', async () => {
    const batch = `[${ping},{"jsonrpc":"2.0","id":8,"method":"tools/call","params":{"name":"count"}},{"jsonrpc":"2.0","method":"notifications/x"}]`;
    const old = await (await RawSession.open(url, '2025-03-26')).post(batch);
    expect((JSON.parse(old.texts[0] ?? '') as JsonRpc[]).map(({ id }) => id).sort()).toEqual([7, 8]);
    expect((await (await RawSession.open(url)).post(batch)).status).toBe(400);
  });

  it('a tool that nobody has: -32602', async () => {
    const session = await RawSession.open(`${system.url}/mcp`);
    expect((await session.call('mirror__nothing')).error?.code).toBe(-32602);
  });

  describe('a server that answers', () => {
    it('garbage, or never: the call ends with an error in time and the next one works', async () => {
      const session = await RawSession.open(url);
      const answers = await Promise.all([session.call('garbage'), session.call('never')]);
      for (const { error } of answers) expect(error).toBeDefined();
      expect((await session.call('count')).result).toBeDefined();
    });

    it('twice: the first answer counts', async () => {
      const session = await RawSession.open(url);
      expect((await session.call('twice')).result).toEqual({ content: [{ type: 'text', text: 'first' }] });
      expect((await session.call('count')).result).toBeDefined();
    });

    it('with a wrong id: the right answer counts', async () => {
      const session = await RawSession.open(url);
      expect((await session.call('wrong-id')).result).toEqual({ content: [{ type: 'text', text: 'right' }] });
    });

    it('by exiting: the call ends with an error and the server is started again', async () => {
      const session = await RawSession.open(url);
      expect((await session.call('exit')).error).toBeDefined();
      await system.untilReady('mirror');
      expect((await session.call('count')).result).toBeDefined();
    });
  });
});
