import { startHttpUpstream, stdioUpstream } from '../conformance/upstream';
import { eventually, startSystem, type System } from '../system';
import { mirrorUpstream } from './mirror';
import { gather, JSON_HEADERS, post, RawSession, readEvents, type JsonRpc } from './raw-client';

const WATCHED = 'test://watched-resource';
const ENVELOPE = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
};
const UPSTREAMS = ['old', 'new', 'old-http', 'new-http'];

function modern(
  method: string,
  params: Record<string, unknown>,
  name?: string,
): RequestInit & { body: string; headers: Record<string, string> } {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 'm', method, params: { _meta: ENVELOPE, ...params } });
  const headers = {
    ...JSON_HEADERS,
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': method,
    ...(name && { 'mcp-name': name }),
  };
  return { method: 'POST', headers, body };
}

describe('a client of either era before a server of either era', () => {
  let system: System;
  const stops: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    system = await startSystem({ gateways: 2, discovery: 0, monitor: 0, analyzer: 0 });
    for (const era of ['old', 'new'] as const) {
      await system.addServer({ slug: era, ...stdioUpstream(era) });
      const upstream = await startHttpUpstream(era);
      stops.push(() => upstream.stop());
      await system.addServer({ slug: `${era}-http`, type: 'http', url: upstream.url });
    }
  });
  afterAll(async () => {
    await system.stop();
    await Promise.all(stops.map((stop) => stop()));
  });

  describe.each(UPSTREAMS)('%s', (slug) => {
    const url = () => `${system.url}/mcp/${slug}`;

    it('tells an old client of the resource it subscribed to, and stops when it no longer wants to know', async () => {
      const abort = new AbortController();
      const session = await RawSession.open(url());
      const messages = gather(await session.listen(abort.signal));
      expect((await session.request('resources/subscribe', { uri: WATCHED })).result).toEqual({});
      const updates = () => messages.filter(({ method }) => method === 'notifications/resources/updated');
      await eventually(async () => {
        await session.call('test_trigger_resource_update');
        return updates().length > 0;
      });
      expect(updates()[0]?.params).toMatchObject({ uri: WATCHED });
      expect((await session.request('resources/unsubscribe', { uri: WATCHED })).result).toEqual({});
      abort.abort();
    });

    it('tells a new client of the resource it listens for, under the id of its request', async () => {
      const abort = new AbortController();
      const response = await fetch(url(), {
        ...modern('subscriptions/listen', {
          notifications: { resourceSubscriptions: [WATCHED], toolsListChanged: true },
        }),
        signal: abort.signal,
      });
      const messages = gather(response);
      await eventually(() => messages.length > 0);
      expect(messages[0]?.method).toBe('notifications/subscriptions/acknowledged');
      const updates = () => messages.filter(({ method }) => method === 'notifications/resources/updated');
      await eventually(async () => {
        await (
          await fetch(
            url(),
            modern(
              'tools/call',
              { name: 'test_trigger_resource_update', arguments: {} },
              'test_trigger_resource_update',
            ),
          )
        ).text();
        return updates().length > 0;
      });
      expect(updates()[0]?.params).toMatchObject({
        uri: WATCHED,
        _meta: { 'io.modelcontextprotocol/subscriptionId': 'm' },
      });
      abort.abort();
    });

    it('gives progress under the token of the client, to an old one and to a new one', async () => {
      const session = await RawSession.open(url());
      const params = { name: 'test_tool_with_progress', arguments: {}, _meta: { progressToken: 'mine' } };
      const old = await session.post(JSON.stringify({ jsonrpc: '2.0', id: 5, method: 'tools/call', params }));
      const request = modern('tools/call', { ...params, _meta: { ...ENVELOPE, progressToken: 'mine' } }, params.name);
      const fresh = await post(url(), request.body, request.headers);
      for (const { texts } of [old, fresh]) {
        const messages = texts.filter((text) => text !== '').map((text) => JSON.parse(text) as JsonRpc);
        const steps = messages.filter(({ method }) => method === 'notifications/progress');
        expect(steps.length).toBeGreaterThan(1);
        expect(steps.every(({ params: step }) => step?.['progressToken'] === 'mine')).toBe(true);
        expect(messages.at(-1)?.result).toBeDefined();
      }
    });

    it('asks an old client for what a tool needs, and answers a new client that cannot give it', async () => {
      const session = await RawSession.open(url(), '2025-11-25', { sampling: {} });
      const tool = slug.startsWith('old') ? 'test_sampling' : 'test_input_required_result_sampling';
      const response = await fetch(url(), {
        method: 'POST',
        headers: { ...JSON_HEADERS, ...session.headers },
        body: JSON.stringify({
          jsonrpc: '2.0',
          id: 5,
          method: 'tools/call',
          params: { name: tool, arguments: { prompt: 'say' } },
        }),
      });
      const seen: JsonRpc[] = [];
      for await (const { data } of readEvents(response)) {
        if (data === '') continue;
        const message = JSON.parse(data) as JsonRpc;
        seen.push(message);
        if (message.method !== 'sampling/createMessage') continue;
        const result = {
          role: 'assistant',
          model: 'm',
          stopReason: 'endTurn',
          content: { type: 'text', text: 'sampled words' },
        };
        await session.post(JSON.stringify({ jsonrpc: '2.0', id: message.id, result }));
      }
      expect(seen.map(({ method }) => method)).toEqual(['sampling/createMessage', undefined]);
      expect(seen[1]?.error).toBeUndefined();

      const poor = modern('tools/call', { name: tool, arguments: { prompt: 'say' } }, tool);
      const refused = await post(url(), poor.body, poor.headers);
      expect({
        status: refused.status,
        code: (JSON.parse(refused.texts.at(-1) ?? '{}') as JsonRpc).error?.code,
      }).toEqual({
        status: 400,
        code: -32021,
      });
    });
  });

  it('gives an old client no methods of the new era, whatever its server knows', async () => {
    const session = await RawSession.open(`${system.url}/mcp/new`);
    for (const method of ['server/discover', 'subscriptions/listen'])
      expect((await session.request(method, { notifications: { toolsListChanged: true } })).error?.code).toBe(-32601);
  });

  it('leaves a new client the state of its server, also where that looks like one of ours', async () => {
    const params = { name: 'test_simple_text', arguments: {}, requestState: 'router-000000000000.of.another.router' };
    const answer = async (slug: string) => {
      const { body, headers } = modern('tools/call', params, params.name);
      const { texts } = await post(`${system.url}/mcp/${slug}`, body, headers);
      return JSON.parse(texts.at(-1) ?? '{}') as JsonRpc;
    };
    const ours = { code: -32602, message: expect.stringContaining('is gone') as string };
    // This one checks its states itself, and says so in its own words.
    expect((await answer('new')).error).toMatchObject({ code: -32602 });
    expect((await answer('new')).error).not.toMatchObject(ours);
    expect((await answer('old')).error).toMatchObject(ours);
  });

  it('has a server that comes late in the lists, after one notification', async () => {
    const abort = new AbortController();
    const session = await RawSession.open(`${system.url}/mcp`);
    const messages = gather(await session.listen(abort.signal));
    const names = async () =>
      ((await session.request('tools/list')).result?.['tools'] as { name: string }[]).map(({ name }) => name);
    expect(await names()).not.toContain('late__mirror');
    await system.addServer({ slug: 'late', ...mirrorUpstream() });
    await eventually(() => messages.some(({ method }) => method === 'notifications/tools/list_changed'));
    await eventually(async () => (await names()).includes('late__mirror'));
    expect(messages.filter(({ method }) => method === 'notifications/tools/list_changed')).toHaveLength(1);
    abort.abort();
  });

  it('sets an old server to the log level that a client of either era wants, again after a restart', async () => {
    const session = await RawSession.open(`${system.url}/mcp/late`);
    const level = async () => {
      const { result, error } = await session.call('level');
      return (result?.['content'] as { text: string }[] | undefined)?.[0]?.text ?? error?.message;
    };
    expect(await level()).toBe('unset');
    expect((await session.request('logging/setLevel', { level: 'warning' })).result).toEqual({});
    expect(await level()).toBe('warning');
    const call = (wanted: string) => {
      const meta = { ...ENVELOPE, 'io.modelcontextprotocol/logLevel': wanted };
      const { body, headers } = modern('tools/call', { name: 'level', arguments: {}, _meta: meta }, 'level');
      return post(`${system.url}/mcp/late`, body, headers);
    };
    expect((await call('info')).texts.at(-1)).toContain('info');
    expect((await call('loud')).texts.at(-1)).toContain('-32602');
    await session.call('exit');
    await eventually(async () => (await level()) === 'warning', 30_000);
  });

  it('continues a trace with a span of its own', async () => {
    const session = await RawSession.open(`${system.url}/mcp`);
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const reply = await session.request('tools/call', {
      name: 'late__mirror',
      arguments: {},
      _meta: { traceparent, tracestate: 'a=b' },
    });
    const meta = reply.result?.['_meta'] as Record<string, string>;
    expect(meta['traceparent']).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/);
    expect(meta['traceparent']).not.toBe(traceparent);
    expect(meta['tracestate']).toBe('a=b');
  });

  it('lists and calls nothing that the policy of an agent forbids', async () => {
    const { body: agent } = await system.api<{ id: string }>('POST', '/api/v1/agents', {
      name: 'careful',
      policy: { allow: ['old__*', 'router__*'], deny: ['old__test_error*'] },
    });
    const made = await system.api<{ key: string }>('POST', `/api/v1/keys`, {
      agent: agent.id,
      name: 'k',
    });
    const key = made.body.key;
    const authorization = `Bearer ${key}`;
    // Both gateways have to hear of the new key.
    await eventually(async () => {
      const answers = await Promise.all(system.gateways.map(({ url }) => post(`${url}/mcp`, '{}', { authorization })));
      return answers.every(({ status }) => status !== 401);
    });
    const session = await RawSession.open(`${system.url}/mcp`, '2025-06-18', {}, { authorization });
    const { result } = await session.request('tools/list');
    const names = (result?.['tools'] as { name: string }[]).map(({ name }) => name);
    expect(names).toContain('old__test_simple_text');
    expect(names.filter((name) => !/^(old|router)__/.test(name) || name === 'old__test_error_handling')).toEqual([]);
    expect(names).toContain('router__list_servers');
    expect(names).not.toContain('router__add_server');
    for (const name of ['old__test_error_handling', 'new__test_simple_text', 'router__add_server', 'router__nothing']) {
      expect((await session.call(name)).error).toMatchObject({ code: -32602, message: `Unknown tool: ${name}` });
    }
  });

  it('ends a gateway in good order while streams are open', async () => {
    const abort = new AbortController();
    const [gateway] = system.gateways;
    const session = await RawSession.open(`${gateway?.url}/mcp/old`);
    const stream = await session.listen(abort.signal);
    const { body, headers } = modern('subscriptions/listen', { notifications: { toolsListChanged: true } });
    const listening = await fetch(`${gateway?.url}/mcp/old`, { method: 'POST', body, headers, signal: abort.signal });
    const messages: JsonRpc[] = [];
    const ended = (async () => {
      for await (const event of readEvents(stream)) expect(event).toBeDefined();
      for await (const { data } of readEvents(listening)) if (data !== '') messages.push(JSON.parse(data) as JsonRpc);
    })();
    const startedAt = Date.now();
    await gateway?.stop();
    await ended;
    expect(messages.at(-1)).toMatchObject({ id: 'm', result: { resultType: 'complete' } });
    // Far from the 25 s that calls in flight would have.
    expect(Date.now() - startedAt).toBeLessThan(12_000);
    await gateway?.start();
  });
});
