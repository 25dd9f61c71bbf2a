import { eventually, promptly, startSystem, type System } from './system';

describe('who may come in', () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({
      gateways: 2,
      discovery: 0,
      analyzer: 0,
      anonymous: false,
      config: { mcpServers: { everything: everything } },
    });
    await system.untilReady('everything');
  });
  afterAll(() => system.stop());

  const as = (key: string) => ({ authorization: `Bearer ${key}` });

  const everywhere = (key: string) =>
    Promise.all(
      system.gateways.map(async ({ url }) => (await fetch(`${url}/api/v1/tools`, { headers: as(key) })).status),
    );

  async function newKey(agent: object): Promise<string> {
    const created = await system.api<{ id: string }>('POST', '/api/v1/agents', agent);
    expect(created.status).toBe(201);
    const key = await system.api<{ key: string }>('POST', '/api/v1/keys', { agent: created.body.id, name: 'test' });
    expect(key.status).toBe(201);
    // The other replica hears of the new key a moment later.
    await promptly(async () => (await everywhere(key.body.key)).every((status) => status !== 401), 1_000);
    return key.body.key;
  }

  it.each([
    '/api/v1/servers',
    '/api/v1/tools',
    '/api/v1/agents',
    '/api/v1/keys',
    '/api/v1/flags',
    '/metrics',
    '/api/v1/calls',
  ])('answers 401 on %s without a key, with a wrong one, and with something that is none', async (path) => {
    for (const authorization of ['', 'Bearer nope', 'Basic YTpi', 'Bearer']) {
      const { status, body, headers } = await system.api<{ code: string }>('GET', path, undefined, { authorization });
      expect([path, authorization, status, body.code]).toEqual([path, authorization, 401, 'unauthorized']);
      expect(headers.get('www-authenticate')).toMatch(/^Bearer/);
    }
  });

  it.each(['/health/live', '/docs', '/docs-json'])('lets everyone see %s', async (path) => {
    expect((await system.api('GET', path, undefined, { authorization: '' })).status).toBe(200);
  });

  it('shows a key once and never again', async () => {
    const key = await newKey({ name: 'once' });
    const listed = await system.api('GET', '/api/v1/keys');
    expect(JSON.stringify(listed.body)).toContain(key.slice(0, 9));
    expect(JSON.stringify(listed.body)).not.toContain(key);
  });

  it('refuses a revoked key at every replica within a second', async () => {
    const key = await newKey({ name: 'revoked' });
    const { body } = await system.api<{ items: { id: string; agent: string }[] }>('GET', '/api/v1/keys');
    const { id } = body.items.find(({ agent }) => agent === 'revoked')!;
    expect((await system.api('DELETE', `/api/v1/keys/${id}`)).status).toBe(204);
    await promptly(async () => (await everywhere(key)).every((status) => status === 401), 1_000);
  });

  it('keeps members out of what administrators do', async () => {
    const key = await newKey({ name: 'member' });
    for (const [method, path, body] of [
      ['POST', '/api/v1/servers', { slug: 'x', command: 'true' }],
      ['DELETE', '/api/v1/servers/everything'],
      ['POST', '/api/v1/servers/everything/restart'],
      ['GET', '/api/v1/agents'],
      ['GET', '/api/v1/keys'],
      ['PUT', '/api/v1/flags/LEGACY_SSE', { enabled: true }],
    ] as const) {
      expect([path, (await system.api<{ code: string }>(method, path, body, as(key))).body.code]).toEqual([
        path,
        'forbidden',
      ]);
    }
    expect((await system.api('GET', '/api/v1/servers', undefined, as(key))).status).toBe(200);
  });

  it('hides the tools that a policy denies and answers them like unknown ones', async () => {
    const key = await newKey({ name: 'careful', policy: { allow: ['everything__*'], deny: ['everything__echo'] } });
    const { body } = await system.api<{ items: { name: string }[] }>('GET', '/api/v1/tools', undefined, as(key));
    const names = body.items.map(({ name }) => name);
    expect(names.length).toBeGreaterThan(3);
    expect(names).not.toContain('everything__echo');
    expect(names.every((name) => name.startsWith('everything__'))).toBe(true);
    const call = (tool: string) =>
      system.api<{ code: string; detail: string }>(
        'POST',
        `/api/v1/tools/${tool}/call`,
        { arguments: { message: 'x' } },
        as(key),
      );
    const [denied, unknown] = [await call('everything__echo'), await call('everything__ecko')];
    expect(denied.status).toBe(404);
    expect(denied.body.code).toBe(unknown.body.code);
    expect(denied.body.detail.replace('echo', 'ecko')).toBe(unknown.body.detail);
  });

  it('answers 429 to an agent over its rate, at both doors, says when to come again, and holds up nobody else', async () => {
    const key = await newKey({ name: 'eager' });
    const url = system.gateways[0]?.url ?? '';
    const rest = () => fetch(`${url}/api/v1/tools`, { headers: as(key) });
    const changed = await system.api('PATCH', '/api/v1/agents/eager', { rateLimit: { perMinute: 1, burst: 2 } });
    expect(changed.body).toMatchObject({ rateLimit: { perMinute: 1, burst: 2 } });
    let refused = await rest();
    await eventually(async () => (refused = await rest()).status === 429);
    const retryAfter = Number(refused.headers.get('retry-after'));
    expect(retryAfter).toBeGreaterThan(30);
    expect(retryAfter).toBeLessThanOrEqual(60);
    expect(refused.headers.get('content-type')).toContain('application/problem+json');
    expect(await refused.json()).toMatchObject({ code: 'rate_limited', retryAfterSeconds: retryAfter });
    const rpc = await fetch(`${url}/mcp`, {
      method: 'POST',
      headers: { ...as(key), 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 'a-1', method: 'ping' }),
    });
    expect([rpc.status, Number(rpc.headers.get('retry-after')) > 0]).toEqual([429, true]);
    expect(await rpc.json()).toMatchObject({ id: 'a-1', error: { code: -31029, data: { code: 'rate_limited' } } });
    expect((await fetch(`${url}/api/v1/tools`, { headers: as(system.key) })).status).toBe(200);
    const call = await fetch(`${url}/api/v1/tools/everything__echo/call`, { method: 'POST', headers: as(key) });
    expect(call.status).toBe(429);
    interface Calls {
      items: { endpoint: string; method: string; tool?: string; outcome: string }[];
    }
    const limited = async () =>
      (await system.api<Calls>('GET', '/api/v1/calls?agent=eager&decision=limited')).body.items.map(
        ({ endpoint, method, tool, outcome }) => [endpoint, method, tool, outcome].join(' '),
      );
    await eventually(async () => (await limited()).length === 2, 30_000);
    expect(await limited()).toEqual(['rest tools/call everything__echo denied', '/mcp ping  denied']);
    const { body: metrics } = await system.api<string>('GET', '/metrics', undefined, { accept: 'text/plain' });
    expect(metrics).toMatch(/^mcp_router_rate_limited_total\{.*agent="eager"\} [1-9]/m);
    await system.api('PATCH', '/api/v1/agents/eager', { rateLimit: null });
    await eventually(async () => (await rest()).status === 200);
  });

  it('counts each message of a batch', async () => {
    const key = await newKey({ name: 'batcher', rateLimit: { perMinute: 1, burst: 10 } });
    const body = JSON.stringify(Array.from({ length: 20 }, (_, id) => ({ jsonrpc: '2.0', id, method: 'ping' })));
    const accept = 'application/json, text/event-stream';
    const headers = { ...as(key), 'content-type': 'application/json', accept };
    const url = `${system.gateways[0]?.url ?? ''}/mcp`;
    expect((await fetch(url, { method: 'POST', headers, body })).status).toBe(429);
  });

  it('lets no key of a disabled agent in', async () => {
    const key = await newKey({ name: 'sleeper' });
    await system.api('PATCH', '/api/v1/agents/sleeper', { enabled: false });
    await promptly(async () => (await system.api('GET', '/api/v1/tools', undefined, as(key))).status === 401, 1_000);
    await system.api('PATCH', '/api/v1/agents/sleeper', { enabled: true });
    await promptly(async () => (await system.api('GET', '/api/v1/tools', undefined, as(key))).status === 200, 1_000);
  });

  it('keeps the last administrator', async () => {
    expect((await system.api<{ code: string }>('DELETE', '/api/v1/agents/admin')).body.code).toBe('conflict');
    expect((await system.api<{ code: string }>('PATCH', '/api/v1/agents/admin', { role: 'member' })).body.code).toBe(
      'conflict',
    );
  });

  it('notes when an agent was last seen', async () => {
    await newKey({ name: 'seen' }).then((key) => system.api('GET', '/api/v1/tools', undefined, as(key)));
    await eventually(
      async () =>
        (await system.api<{ lastSeenAt: string | null }>('GET', '/api/v1/agents/seen')).body.lastSeenAt !== null,
      60_000,
    );
  });
});

const everything = {
  command: process.execPath,
  args: [require.resolve('@modelcontextprotocol/server-everything/dist/index.js'), 'stdio'],
};
