import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { RpcText } from '@mcp-router/shared';
import { until } from '@mcp-router/platform/testing';
import { readList } from '../catalogue/list-reader';
import { events, httpServer, json, type HttpCall, type HttpServer, type Play } from '../testing/http-server';
import { ROOT } from '../testing/processes';
import { ask, upstreamBench } from '../testing/upstream-bench';
import type { SupervisedUpstream } from './supervised-upstream';
import type { ServerHandle } from './upstream';

describe('a server over HTTP', () => {
  const bench = upstreamBench();
  const servers: HttpServer[] = [];
  afterAll(async () => {
    await bench.close();
    await Promise.all(servers.map((server) => server.stop()));
  });

  async function open(
    era: 'legacy' | 'modern',
    play?: Play,
    spec: Parameters<typeof bench.open>[1] = {},
    tools: Parameters<typeof bench.open>[2] = {},
  ): Promise<{ server: HttpServer; upstream: SupervisedUpstream }> {
    const server = await httpServer(era, play);
    servers.push(server);
    const upstream = bench.open(
      { type: 'http', url: server.url, headers: { Authorization: 'Bearer abc' } },
      spec,
      tools,
    );
    return { server, upstream };
  }
  const call = (upstream: SupervisedUpstream, name = 'x', rest = {}) =>
    ask(upstream, 'tools/call', { name, arguments: {} }, rest);
  const methods = ({ seen }: HttpServer) => seen.map(({ message }) => message.method);

  it('of the old era gets a handshake, its session id and the version it chose', async () => {
    const { server, upstream } = await open('legacy');
    expect(await call(upstream)).toMatchObject({
      id: expect.stringMatching(/^t/) as string,
      result: { content: [{ text: 'done' }] },
    });
    expect(methods(server)).toEqual(['server/discover', 'initialize', 'notifications/initialized', 'tools/call']);
    const [session] = server.sessions;
    expect(server.seen.at(-1)?.headers).toMatchObject({
      'mcp-session-id': session,
      'mcp-protocol-version': '2025-06-18',
      authorization: 'Bearer abc',
    });
    expect(upstream.info).toMatchObject({ era: 'legacy', protocolVersion: '2025-06-18' });
  });

  it('of the new era gets the headers that mirror each request', async () => {
    const { server, upstream } = await open('modern');
    await ask(upstream, 'tools/call', { name: 'grün' }, { headers: { 'mcp-param-region': 'eu' } });
    expect(server.seen.at(-1)?.headers).toMatchObject({
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': `=?base64?${Buffer.from('grün').toString('base64')}?=`,
      'mcp-param-region': 'eu',
    });
    expect(server.seen.at(-1)?.headers['mcp-session-id']).toBeUndefined();
    expect(upstream.info).toMatchObject({ era: 'modern', serverInfo: { name: 'modern' } });
  });

  it('gives a JSON-RPC error as the answer whatever the HTTP status is', async () => {
    const { upstream } = await open('modern');
    expect(await ask(upstream, 'vendor/unknown')).toMatchObject({ error: { code: -32601 } });
  });

  it('is initialised anew when it forgot the session; the call is repeated if the tool is safe to repeat', async () => {
    const { server, upstream } = await open(
      'legacy',
      undefined,
      {},
      { hintsOf: (_, tool) => ({ readOnlyHint: tool === 'read' }) },
    );
    await call(upstream);
    server.sessions.clear();
    expect(await call(upstream, 'read')).toMatchObject({ result: { content: [{ text: 'done' }] } });
    expect(methods(server).filter((method) => method === 'initialize')).toHaveLength(2);

    server.sessions.clear();
    await expect(call(upstream, 'write')).rejects.toMatchObject({ code: 'upstream_unavailable' });
    expect(await call(upstream, 'write')).toMatchObject({ result: { content: [{ text: 'done' }] } });
  });

  it('that restarts with all sessions gone answers the next call that is safe to repeat', async () => {
    const { server, upstream } = await open('legacy', undefined, {}, { hintsOf: () => ({ idempotentHint: true }) });
    await call(upstream);
    await server.stop();
    server.sessions.clear();
    await server.listen();
    expect(await call(upstream)).toMatchObject({ result: { content: [{ text: 'done' }] } });
  });

  it('that is down is unreachable after the first failing call, and ready again by itself', async () => {
    const { server, upstream } = await open('modern');
    await call(upstream);
    await server.stop();
    await expect(call(upstream)).rejects.toMatchObject({ code: 'upstream_unavailable' });
    await until(() => upstream.state === 'unreachable');
    expect(upstream.lastError).toBe('The server refuses connections');
    await server.listen();
    await until(() => upstream.state === 'ready');
    await call(upstream);
  });

  it('sends what a call caused on the stream of the call, and takes the answers', async () => {
    const play: Play = ({ message, respond }) => {
      if (message.method !== 'tools/call') return false;
      const send = events(respond);
      const token = (message.params?.['_meta'] as { progressToken: unknown }).progressToken;
      send({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: token, progress: 1 } });
      send({ jsonrpc: '2.0', id: 77, method: 'elicitation/create', params: { message: 'sure?' } });
      void until(() => server.seen.some((one) => one.message.id === 77)).then(() => {
        send({ jsonrpc: '2.0', id: message.id, result: { content: [] } });
        respond.end();
      });
      return true;
    };
    const { server, upstream } = await open('legacy', play);
    const seen: RpcText[] = [];
    const onMessage = (message: RpcText, handle: ServerHandle): void => {
      seen.push(message);
      if (message.id !== undefined) handle.respond(`{"jsonrpc":"2.0","id":${message.id},"result":{"action":"accept"}}`);
    };
    await ask(upstream, 'tools/call', { name: 'x', _meta: { progressToken: 'p1' } }, { onMessage });
    expect(seen.map(({ text }) => JSON.parse(text) as unknown)).toMatchObject([
      { params: { progressToken: 'p1', progress: 1 } },
      { id: 77, method: 'elicitation/create' },
    ]);
    const answer = server.seen.find(({ message }) => message.id === 77) as HttpCall;
    expect(answer.message.result).toEqual({ action: 'accept' });
    expect(answer.headers['mcp-session-id']).toBeDefined();
  });

  it('sends what concerns one task along with the answer about another, which is no business of who asked', async () => {
    let token: unknown;
    const related = { 'io.modelcontextprotocol/related-task': { taskId: 'a' } };
    const play: Play = ({ message, reply, respond }) => {
      if (message.method === 'tools/call') {
        token = (message.params?.['_meta'] as { progressToken: unknown }).progressToken;
        reply({ task: { taskId: 'a', status: 'working', ttl: null } });
      } else if (message.method === 'tasks/get') {
        const send = events(respond);
        send({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: token, progress: 1 } });
        send({ jsonrpc: '2.0', id: 77, method: 'elicitation/create', params: { message: 'sure?', _meta: related } });
        send({ jsonrpc: '2.0', id: message.id, result: { taskId: 'b', status: 'working' } });
        respond.end();
      } else return false;
      return true;
    };
    const { server, upstream } = await open('legacy', play);
    const strays: [string | undefined, string | undefined, unknown][] = [];
    upstream.onUnsolicited(({ message, server: handle, taskId }) => {
      const { params } = JSON.parse(message.text) as { params: { progressToken?: unknown } };
      strays.push([message.method, taskId, params.progressToken]);
      if (message.id !== undefined) handle.respond(`{"jsonrpc":"2.0","id":${message.id},"result":{"action":"accept"}}`);
      return true;
    });
    await ask(upstream, 'tools/call', { name: 'x', task: {}, _meta: { progressToken: 'p1' } });
    const seen: RpcText[] = [];
    await ask(upstream, 'tasks/get', { taskId: 'b' }, { onMessage: (message) => void seen.push(message) });
    await until(() => strays.length === 2);
    expect(strays).toEqual([
      ['notifications/progress', 'a', 'p1'],
      ['elicitation/create', 'a', undefined],
    ]);
    await until(() => server.seen.some(({ message }) => message.id === 77));
    expect(seen).toEqual([]);
  });

  it('of the old era is told of a cancellation, one of the new era loses the stream', async () => {
    let closed = 0;
    const hang: Play = ({ message, respond }) => {
      if (message.method !== 'tools/call') return false;
      respond.on('close', () => closed++);
      return true;
    };
    for (const era of ['legacy', 'modern'] as const) {
      const { server, upstream } = await open(era, hang);
      const control = new AbortController();
      const hanging = call(upstream, 'x', { signal: control.signal });
      await until(() => methods(server).includes('tools/call'));
      control.abort();
      await expect(hanging).rejects.toMatchObject({ code: 'cancelled' });
      await until(() => closed > 0);
      closed = 0;
      if (era === 'legacy') await until(() => methods(server).includes('notifications/cancelled'));
      else expect(methods(server)).not.toContain('notifications/cancelled');
    }
  });

  it('that ends a stream with event ids before the answer is asked for the rest', async () => {
    let id: unknown;
    const play: Play = ({ message, respond }) => {
      if (message.method !== 'tools/call') return false;
      ({ id } = message);
      respond.writeHead(200, { 'content-type': 'text/event-stream' });
      respond.end('id: e1\nretry: 10\ndata: \n\n');
      return true;
    };
    const server = await httpServer('legacy', play, ({ headers }, response) => {
      if (headers['last-event-id'] !== 'e1') return void response.writeHead(405).end();
      events(response)({ jsonrpc: '2.0', id, result: { content: [] } }, 'e2');
      response.end();
    });
    servers.push(server);
    const upstream = bench.open({ type: 'http', url: server.url, headers: {} });
    expect(await call(upstream)).toMatchObject({ result: { content: [] } });
  });

  it.each([
    [401, 'credentials'],
    [503, 'HTTP 503'],
    [302, 'redirects'],
  ])('that answers HTTP %i says so in its state', async (status, text) => {
    const { upstream } = await open('modern', ({ respond }) => {
      respond.writeHead(status).end('<html>');
      return true;
    });
    await expect(upstream.ready()).rejects.toMatchObject({ detail: expect.stringContaining(text) as string });
    expect(upstream.lastError).toContain(text);
  });

  it('that answers more than a message may hold is cut off', async () => {
    const play: Play = ({ message, respond }) => {
      if (message.method !== 'tools/call') return false;
      json(respond, 200, { jsonrpc: '2.0', id: message.id, result: { content: 'x'.repeat(200_000) } });
      return true;
    };
    const { upstream } = await open('modern', play, {}, { maxMessageBytes: 100_000 });
    await expect(call(upstream)).rejects.toMatchObject({
      detail: expect.stringContaining('larger than the limit') as string,
    });
  });

  it('ends its session when the connection is closed', async () => {
    const { server, upstream } = await open('legacy');
    await call(upstream);
    expect(server.sessions.size).toBe(1);
    await upstream.close();
    expect(server.sessions.size).toBe(0);
  });
});

describe('servers that others wrote, over HTTP', () => {
  const bench = upstreamBench();
  const children: ChildProcess[] = [];
  afterAll(async () => {
    await bench.close();
    for (const child of children) child.kill('SIGKILL');
  });

  function start(args: string[], env: Record<string, string> = {}): ChildProcess {
    const child = spawn(process.execPath, args, {
      cwd: ROOT,
      env: { PATH: '/usr/bin:/bin', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    return child;
  }
  const said = (child: ChildProcess, pattern: RegExp): Promise<string> =>
    new Promise((resolve) => {
      let text = '';
      const hear = (chunk: Buffer): void => {
        text += chunk.toString();
        const match = pattern.exec(text);
        if (match) resolve(match[1] ?? '');
      };
      child.stdout?.on('data', hear);
      child.stderr?.on('data', hear);
    });

  it.each([
    ['old', 'legacy', '2025-11-25'],
    ['new', 'modern', '2026-07-28'],
    ['dual', 'modern', '2026-07-28'],
  ])('the era of a server of the %s kind is %s', async (kind, era, version) => {
    const child = start([join(ROOT, 'e2e/fixtures/conformance-upstream.mjs'), '--transport', 'http', '--era', kind]);
    const url = await said(child, /"url":\s*"([^"]+)"/);
    const upstream = bench.open({ type: 'http', url, headers: {} });
    const { items } = await readList(upstream, 'tools');
    expect(items.length).toBeGreaterThan(10);
    expect(upstream.info).toMatchObject({ era, protocolVersion: version });
  });

  it.each([
    ['streamableHttp', 'mcp', 'http'],
    ['sse', 'sse', 'sse'],
    ['sse', 'sse', 'http'],
  ] as const)('server-everything in %s mode at /%s answers as type %s', async (mode, path, type) => {
    const port = String(20_000 + Math.floor(Math.random() * 10_000));
    const child = start([join(ROOT, 'node_modules/@modelcontextprotocol/server-everything/dist/index.js'), mode], {
      PORT: port,
    });
    await said(child, /(listening|running)/i);
    const upstream = bench.open({ type, url: `http://127.0.0.1:${port}/${path}`, headers: {} });
    const answer = await ask(upstream, 'tools/call', { name: 'echo', arguments: { message: mode } });
    expect(answer).toMatchObject({ result: { content: [{ text: `Echo: ${mode}` }] } });
  });
});
