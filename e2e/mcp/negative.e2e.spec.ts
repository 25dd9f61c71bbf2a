import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, startSystem, type System } from '../system';
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

/** Longer than the two requests of a test are apart on a slow machine. */
const SLOW_MS = 4_000;

describe('what the MCP door refuses, and how', () => {
  let system: System;
  let url: string;
  let folder: string;
  let log: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mcp-negative-'));
    log = join(folder, 'calls');
    system = await startSystem({
      discovery: 0,
      monitor: 0,
      analyzer: 0,
      env: { CALL_TIMEOUT_MS: String(1.5 * SLOW_MS), MAX_BODY_BYTES: '1048576' },
    });
    await system.addServer({ slug: 'mirror', ...mirrorUpstream({ MIRROR_LOG: log }) });
    url = `${system.url}/mcp/mirror`;
  });
  afterAll(async () => {
    await system.stop();
    await rm(folder, { recursive: true });
  });

  const hasArrived = async (mark: string): Promise<boolean> =>
    (await readFile(log, 'utf8').catch(() => '')).includes(mark);

  /** One call of a client of the new era. @returns its response */
  async function callModern(name: string, args: object = {}): Promise<JsonRpc> {
    const { status, texts } = await post(url, modernCall({ name, arguments: args }), { ...MODERN, 'mcp-name': name });
    expect(status).toBe(200);
    return JSON.parse(texts.at(-1) ?? '{}') as JsonRpc;
  }

  const callLegacy = async (name: string): Promise<JsonRpc> => (await RawSession.open(url)).call(name);

  const ERAS: [era: string, call: (name: string) => Promise<JsonRpc>][] = [
    ['old', callLegacy],
    ['new', callModern],
  ];

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
    {
      what: 'a foreign Origin of a modern client',
      body: modernCall(),
      headers: { ...MODERN, origin: 'http://evil.example' },
      status: 403,
    },
    {
      what: 'invalid JSON of a modern client',
      body: '{"jsonrpc":',
      headers: MODERN,
      status: 400,
      code: -32700,
      id: null,
    },
    {
      what: 'an Accept of a modern client without event streams',
      body: modernCall(),
      headers: { ...MODERN, accept: 'application/json' },
      status: 406,
      code: -32600,
    },
    {
      what: 'a modern body without its headers',
      body: modernCall(),
      status: 400,
      code: -32020,
      id: 7,
    },
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

  /** A request with exactly these headers: `fetch` adds some of its own. @returns the status */
  function postBare(body: string, headers: Record<string, string>): Promise<number | undefined> {
    const { hostname, port, pathname } = new URL(url);
    return new Promise((resolve, reject) => {
      const request = httpRequest({ hostname, port, path: pathname, method: 'POST', headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      request.once('error', reject).end(body);
    });
  }

  it.each([
    ['old', initialize, {}],
    ['new', modernCall(), MODERN],
  ])('a Host that is not ours, or no Accept at all: 403, 406 (%s era)', async (_, body, more) => {
    const { accept: __, ...bare } = JSON_HEADERS;
    expect(await postBare(body, { ...JSON_HEADERS, ...more })).toBe(200);
    expect(await postBare(body, { ...JSON_HEADERS, ...more, host: 'evil.example' })).toBe(403);
    expect(await postBare(body, { ...bare, ...more })).toBe(406);
  });

  it('a modern client has no session: an id of one is ignored, a notification is taken, an id is free at once', async () => {
    const ofNobody = await post(url, modernCall(), { ...MODERN, 'mcp-session-id': 'router-000000000000.nothing' });
    expect(ofNobody.status).toBe(200);
    expect(ofNobody.headers.get('mcp-session-id')).toBeNull();
    const notification = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { _meta: ENVELOPE } };
    const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'notifications/cancelled' };
    expect((await post(url, JSON.stringify(notification), headers)).status).toBe(202);
    const answers = await Promise.all([
      callModern('slow', { ms: 100, mark: 'a' }),
      callModern('slow', { ms: 100, mark: 'b' }),
    ]);
    expect(answers.map(({ id }) => id)).toEqual([7, 7]);
    expect(answers.map(({ result }) => result?.['content'])).toEqual([
      [{ type: 'text', text: 'a' }],
      [{ type: 'text', text: 'b' }],
    ]);
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
    for (const headers of [{}, MODERN]) {
      expect((await post(url, `"${'x'.repeat(50_000_000)}"`, headers)).status).toBe(413);
      expect((await post(url, initialize)).status).toBe(200);
    }
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
    const args = JSON.stringify({ ms: SLOW_MS, mark: 'in-flight' });
    const body = `{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"slow","arguments":${args}}}`;
    const first = session.post(body);
    await eventually(() => hasArrived('in-flight'));
    expect((await session.post(body)).status).toBe(400);
    expect((await first).status).toBe(200);
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

  describe.each(ERAS)('a server that answers a client of the %s era', (_, call) => {
    it('garbage, or never: the call ends with an error in time and the next one works', async () => {
      const answers = await Promise.all([call('garbage'), call('never')]);
      for (const { error } of answers) expect(error?.code).toBe(-31504);
      expect((await call('count')).result).toBeDefined();
    });

    it('twice: the first answer counts', async () => {
      expect((await call('twice')).result).toMatchObject({ content: [{ type: 'text', text: 'first' }] });
      expect((await call('count')).result).toBeDefined();
    });

    it('with a wrong id: the right answer counts', async () => {
      expect((await call('wrong-id')).result).toMatchObject({ content: [{ type: 'text', text: 'right' }] });
    });

    it('by exiting: the call ends with an error and the server is started again', async () => {
      expect((await call('exit')).error?.code).toBe(-31503);
      await system.untilReady('mirror');
      expect((await call('count')).result).toBeDefined();
    });
  });
});
