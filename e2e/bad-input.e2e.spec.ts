import { request } from 'node:http';
import { post } from './mcp/raw-client';
import { eventually, startSystem, type System } from './system';

const MODERN_META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
};

const YEAR_0 = '0000-01-01T00:00:00Z';

const cursorOf = (key: string): string => Buffer.from(key).toString('base64url');

interface Problem {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  hint?: string;
  requestId: string;
  errors?: { pointer: string; detail: string }[];
}

describe('bad input over REST', () => {
  let system: System;
  beforeAll(async () => {
    const everything = require.resolve('@modelcontextprotocol/server-everything/dist/index.js');
    system = await startSystem({
      anonymous: false,
      discovery: 0,
      analyzer: 0,
      env: { MAX_BODY_BYTES: '100000' },
      config: { mcpServers: { everything: { command: process.execPath, args: [everything, 'stdio'] } } },
    });
    await system.untilReady('everything');
  });
  afterAll(() => system.stop());

  const slugs = async () => {
    const { body } = await system.api<{ items: { slug: string }[] }>('GET', '/api/v1/servers');
    return body.items.map(({ slug }) => slug).sort();
  };

  /** Sends one request of 2026-07-28 to the aggregate. */
  const modern = (method: string, params: object, headers: Record<string, string>) =>
    post(
      `${system.url}/mcp`,
      JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: MODERN_META } }),
      {
        authorization: `Bearer ${system.key}`,
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': method,
        ...headers,
      },
    );

  /** Waits until a server cannot be reached, and gives what it says of that. */
  const reasonOf = async (slug: string) => {
    let view: { state?: string; lastError?: string | null } = {};
    await eventually(
      async () =>
        (view = (await system.api<typeof view>('GET', `/api/v1/servers/${slug}`)).body).state === 'unreachable',
      60_000,
      () => JSON.stringify(view),
    );
    return view.lastError;
  };

  const cases: [
    what: string,
    method: string,
    path: string,
    body: unknown,
    status: number,
    code: string,
    pointer?: string,
  ][] = [
    ['an unknown route', 'GET', '/api/v1/nothing', undefined, 404, 'route_not_found'],
    ['an unknown server', 'GET', '/api/v1/servers/nobody', undefined, 404, 'server_not_found'],
    ['uptime of an unknown server', 'GET', '/api/v1/servers/nobody/uptime', undefined, 404, 'server_not_found'],
    ['restarting an unknown server', 'POST', '/api/v1/servers/nobody/restart', undefined, 404, 'server_not_found'],
    ['an unknown tool', 'GET', '/api/v1/tools/everything__nothing', undefined, 404, 'tool_not_found'],
    ['calling an unknown tool', 'POST', '/api/v1/tools/nobody__x/call', {}, 404, 'tool_not_found'],
    ['a bad cursor of tools', 'GET', '/api/v1/tools?cursor=%25%25', undefined, 400, 'invalid_cursor'],
    ['a bad cursor of servers', 'GET', '/api/v1/servers?cursor=AAAA', undefined, 400, 'invalid_cursor'],
    ['a bad cursor of calls', 'GET', '/api/v1/calls?cursor=AAAA', undefined, 400, 'invalid_cursor'],
    [
      'a year that there is not, of calls',
      'GET',
      `/api/v1/calls?from=${YEAR_0}`,
      undefined,
      400,
      'invalid_request',
      '/from',
    ],
    [
      'a year that there is not, of events',
      'GET',
      `/api/v1/events?to=${YEAR_0}`,
      undefined,
      400,
      'invalid_request',
      '/to',
    ],
    [
      'an export from a year that there is not',
      'GET',
      `/api/v1/calls/export?from=${YEAR_0}`,
      undefined,
      400,
      'invalid_request',
      '/from',
    ],
    [
      'an export of a server with a zero byte',
      'GET',
      '/api/v1/calls/export?server=a%00b',
      undefined,
      400,
      'invalid_request',
    ],
    [
      'a call of a time that there is not',
      'GET',
      '/api/v1/calls/ffffffff-ffff-7fff-bfff-ffffffffffff',
      undefined,
      400,
      'invalid_request',
    ],
    ['a filter that there is not, of calls', 'GET', '/api/v1/calls?sever=x', undefined, 400, 'invalid_request'],
    [
      'a filter that there is not, of an export',
      'GET',
      '/api/v1/calls/export?sever=x',
      undefined,
      400,
      'invalid_request',
    ],
    ['a filter that there is not, of events', 'GET', '/api/v1/events?topics=run', undefined, 400, 'invalid_request'],
    ['a filter that there is not, of a stream', 'GET', '/api/v1/stream?topics=run', undefined, 400, 'invalid_request'],
    [
      'a filter that there is not, of metrics',
      'GET',
      '/api/v1/metrics/query?name=up&agg=p99',
      undefined,
      400,
      'invalid_request',
    ],
    [
      'a filter that there is not, of series',
      'GET',
      '/api/v1/metrics/series?name=up',
      undefined,
      400,
      'invalid_request',
    ],
    [
      'a filter that there is not, of alerts',
      'GET',
      '/api/v1/alerts?severity=critical',
      undefined,
      400,
      'invalid_request',
    ],
    [
      'a made-up cursor of calls',
      'GET',
      `/api/v1/calls?cursor=${cursorOf('9999-99-99T99:99:99Z|00000000-0000-0000-0000-000000000000')}`,
      undefined,
      400,
      'invalid_cursor',
    ],
    ['a bad cursor of agents', 'GET', '/api/v1/agents?cursor=AAAA', undefined, 400, 'invalid_cursor'],
    ['a limit that is none', 'GET', '/api/v1/tools?limit=many', undefined, 400, 'invalid_request', '/limit'],
    ['a taken slug', 'POST', '/api/v1/servers', { slug: 'everything', command: 'true' }, 409, 'conflict'],
    [
      'a slug of other letters',
      'POST',
      '/api/v1/servers',
      { slug: 'Ünsinn', command: 'true' },
      400,
      'invalid_request',
      '/slug',
    ],
    [
      'a slug that is too long',
      'POST',
      '/api/v1/servers',
      { slug: 'a'.repeat(33), command: 'true' },
      400,
      'invalid_request',
      '/slug',
    ],
    [
      'both command and url',
      'POST',
      '/api/v1/servers',
      { slug: 'x', command: 'true', url: 'http://x.example' },
      400,
      'invalid_request',
      '/url',
    ],
    ['neither command nor url', 'POST', '/api/v1/servers', { slug: 'x' }, 400, 'invalid_request', '/command'],
    [
      'an unknown field',
      'POST',
      '/api/v1/servers',
      { slug: 'x', command: 'true', shell: true },
      400,
      'invalid_request',
    ],
    ['a url that is none', 'POST', '/api/v1/servers', { slug: 'x', url: 'not a url' }, 400, 'invalid_request', '/url'],
    ['changing a server of the file', 'PATCH', '/api/v1/servers/everything', { description: 'x' }, 409, 'read_only'],
    ['removing a server of the file', 'DELETE', '/api/v1/servers/everything', undefined, 409, 'read_only'],
    [
      'arguments of a wrong type',
      'POST',
      '/api/v1/tools/everything__echo/call',
      { arguments: { message: 5 } },
      422,
      'invalid_arguments',
      '/message',
    ],
    [
      'missing arguments',
      'POST',
      '/api/v1/tools/everything__get-sum/call',
      { arguments: { a: 1 } },
      422,
      'invalid_arguments',
    ],
    ['a body that is an array', 'POST', '/api/v1/tools/everything__echo/call', [1], 400, 'invalid_request'],
    [
      'a body over the limit',
      'POST',
      '/api/v1/tools/everything__echo/call',
      { arguments: { message: 'x'.repeat(200_000) } },
      413,
      'payload_too_large',
    ],
    ['an unknown agent', 'GET', '/api/v1/agents/nobody', undefined, 404, 'not_found'],
    ['an unknown flag', 'GET', '/api/v1/flags/NOTHING', undefined, 404, 'not_found'],
    ['a zero byte in a path', 'GET', '/api/v1/agents/%00', undefined, 400, 'invalid_request'],
    ['a zero byte in a query', 'GET', '/api/v1/calls?tool=%00', undefined, 400, 'invalid_request'],
    ['a zero byte in a name', 'POST', '/api/v1/agents', { name: 'a\0b' }, 400, 'invalid_request'],
    [
      'half of a surrogate pair',
      'POST',
      '/api/v1/servers',
      { slug: 'half', command: 'true', args: ['\ud800'] },
      400,
      'invalid_request',
    ],
  ];

  it.each(cases.map((row) => ({ row, what: row[0] })))(
    'answers $what with a problem that says what to do',
    async ({ row: [, method, path, body, status, code, pointer] }) => {
      const before = await slugs();
      const reply = await system.api<Problem>(method, path, body);
      expect([reply.status, reply.body.code]).toEqual([status, code]);
      expect(reply.headers.get('content-type')).toMatch('application/problem+json');
      expect(reply.body).toMatchObject({
        type: `urn:mcp-router:${code}`,
        status,
        title: expect.any(String),
        detail: expect.stringMatching(/\w/),
      });
      expect(reply.body.requestId).toBe(reply.headers.get('x-request-id'));
      if (pointer !== undefined) expect(reply.body.errors?.map((fault) => fault.pointer)).toContain(pointer);
      expect(await slugs()).toEqual(before);
    },
  );

  it.each<[what: string, headers: Record<string, string>, body: string, status: number, code: string]>([
    ['malformed JSON', { 'content-type': 'application/json' }, '{"slug":', 400, 'malformed_json'],
    ['an empty body', { 'content-type': 'application/json' }, '', 400, 'malformed_json'],
    ['another content type', { 'content-type': 'text/xml' }, '<a/>', 415, 'unsupported_media_type'],
    [
      'a foreign origin',
      { 'content-type': 'application/json', origin: 'http://evil.example' },
      '{}',
      403,
      'origin_refused',
    ],
    ['a foreign host', { 'content-type': 'application/json', host: 'evil.example' }, '{}', 403, 'origin_refused'],
  ])('answers %s', async (_, headers, body, status, code) => {
    const { port } = new URL(system.url);
    const answer = await new Promise<{ status: number | undefined; body: Problem }>((resolve, reject) => {
      const outgoing = request(
        {
          port,
          method: 'POST',
          path: '/api/v1/servers',
          headers: { authorization: `Bearer ${system.key}`, ...headers },
        },
        (incoming) => {
          let text = '';
          incoming.on('data', (chunk: Buffer) => (text += chunk.toString()));
          incoming.on('end', () => resolve({ status: incoming.statusCode, body: JSON.parse(text) as Problem }));
        },
      );
      outgoing.on('error', reject);
      outgoing.end(body);
    });
    expect([answer.status, answer.body.code]).toEqual([status, code]);
  });

  it('takes a DELETE that says it were JSON and has no body', async () => {
    const headers = { authorization: `Bearer ${system.key}`, 'content-type': 'application/json' };
    const reply = await fetch(`${system.url}/api/v1/servers/nobody`, { method: 'DELETE', headers });
    expect([reply.status, ((await reply.json()) as Problem).code]).toEqual([404, 'server_not_found']);
  });

  it('logs a call also when what it says cannot be stored as it is', async () => {
    const name = 'nobody__\0';
    await modern('tools/call', { name }, { 'mcp-name': `=?base64?${Buffer.from(name).toString('base64')}?=` });
    let seen: string[] = [];
    const isLogged = async () => {
      const { body: page } = await system.api<{ items: { tool?: string }[] }>('GET', '/api/v1/calls?limit=100');
      seen = page.items.flatMap(({ tool }) => tool ?? []);
      return seen.some((tool) => tool.startsWith('nobody__\ufffd'));
    };
    await eventually(isLogged, 20_000, () => JSON.stringify(seen));
  });

  it.each([
    ['nobody/knows-this', {}, 'method_not_found'],
    ['prompts/get', { name: 'nobody__has-this' }, 'invalid_request'],
    ['resources/read', { uri: 'nobody://has-this' }, 'resource_not_found'],
  ])('logs "%s" also when it is for no server', async (method, params, errorCode) => {
    const id = `unrouted-${errorCode}`;
    const name = Object.values(params)[0];
    const headers = { 'x-request-id': id, ...(name !== undefined && { 'mcp-name': name }) };
    const { texts } = await modern(method, params, headers);
    expect(JSON.parse(texts.at(-1) ?? '')).toMatchObject({ error: { message: expect.any(String) as string } });
    const logged = () => system.api<{ items: object[] }>('GET', `/api/v1/calls?requestId=${id}`);
    await eventually(async () => (await logged()).body.items.length > 0);
    expect((await logged()).body.items).toEqual([
      expect.objectContaining({ endpoint: '/mcp', method, agent: 'admin', outcome: 'error', errorCode }),
    ]);
  });

  it('keeps a server whose command does not exist, says why, and leaves the others alone', async () => {
    const added = await system.api<Problem>('POST', '/api/v1/servers', { slug: 'ghost', command: '/no/such/program' });
    expect(added.status).toBe(201);
    expect(await reasonOf('ghost')).toMatch(/ENOENT|not.*found|no such/i);
    const call = await system.api<Problem>('POST', '/api/v1/tools/everything__echo/call', {
      arguments: { message: 'x' },
    });
    expect(call.status).toBe(200);
    const tools = await system.api<{ items: unknown[] }>('GET', '/api/v1/tools?server=ghost');
    expect(tools.body.items).toEqual([]);
    expect((await system.api('DELETE', '/api/v1/servers/ghost')).status).toBe(204);
  });

  it('keeps a server whose address refuses, with the reason and the time of the next try', async () => {
    const begun = Date.now();
    await system.api('POST', '/api/v1/servers', { slug: 'refuses', url: 'http://127.0.0.1:9/mcp' });
    expect(await reasonOf('refuses')).toContain('refuses connections');
    const { body } = await system.api<{ nextRetryAt: string | null }>('GET', '/api/v1/servers/refuses');
    expect(Date.parse(body.nextRetryAt ?? '')).toBeGreaterThan(begun);
    await system.api('DELETE', '/api/v1/servers/refuses');
  });

  it('never shows the secrets of a server again', async () => {
    const secret = 'hunter2-hunter2';
    const added = await system.api('POST', '/api/v1/servers', {
      slug: 'secret',
      command: process.execPath,
      args: ['-e', 'console.error(process.env.TOKEN); process.exit(1)'],
      env: { TOKEN: secret },
    });
    expect(added.status).toBe(201);
    await reasonOf('secret');
    for (const path of ['/api/v1/servers/secret', '/api/v1/servers', '/api/v1/servers/secret/logs']) {
      const text = JSON.stringify((await system.api('GET', path)).body);
      expect([path, text.includes(secret)]).toEqual([path, false]);
    }
    expect(JSON.stringify((await system.api('GET', '/api/v1/servers/secret')).body)).toContain('TOKEN');
    await system.api('DELETE', '/api/v1/servers/secret');
  });
});
