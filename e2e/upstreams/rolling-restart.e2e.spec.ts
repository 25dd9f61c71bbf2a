import { join } from 'node:path';
import { eventually, startSystem, type System } from '../system';
import { ROOT } from '../system/service';
import { post, readEvents } from '../mcp/raw-client';

const ODD_SERVER = join(ROOT, 'apps/router/src/testing/fixtures/odd-server.mjs');
const SECRET = 'hunter2-hunter2-hunter2';
const MODERN = '2026-07-28';
/** Longer than anything else that a stopping process waits for. */
const LONG_MS = 4_000;

describe('two gateways and two routers under load', () => {
  let system: System;
  beforeAll(async () => {
    const odd = { command: process.execPath, args: [ODD_SERVER] };
    const config = { mcpServers: { odd } };
    system = await startSystem({ gateways: 2, routers: 2, discovery: 0, monitor: 0, analyzer: 0, config });
    await system.untilReady('odd');
  });
  afterAll(() => system.stop());

  const overRest = async (tool: string, args: object): Promise<unknown> => {
    const { status, body } = await system.api('POST', `/api/v1/tools/odd__${tool}/call`, { arguments: args });
    return status === 200 ? undefined : { tool, status, body };
  };
  const overMcp = async (tool: string, args: object): Promise<unknown> => {
    const meta = {
      'io.modelcontextprotocol/protocolVersion': MODERN,
      'io.modelcontextprotocol/clientCapabilities': {},
    };
    const params = { name: tool, arguments: args, _meta: meta };
    const { status, texts } = await post(
      `${system.url}/mcp/odd`,
      JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
      { 'mcp-protocol-version': MODERN, 'mcp-method': 'tools/call', 'mcp-name': tool },
    );
    return status === 200 && texts.at(-1)?.includes('"result"') === true ? undefined : { tool, status, texts };
  };

  it('are restarted one after the other and no call fails, whether it was short or long, over REST or MCP', async () => {
    const faults: unknown[] = [];
    let calls = 0;
    let over = false;
    const caller = async (call: () => Promise<unknown>): Promise<void> => {
      while (!over) {
        const fault = await call().catch((error: unknown) => String(error));
        calls++;
        if (fault !== undefined) faults.push(fault);
      }
    };
    const several = (count: number, call: () => Promise<unknown>) => Array.from({ length: count }, () => caller(call));
    const load = [
      ...several(3, () => overRest('count', {})),
      ...several(3, () => overMcp('count', {})),
      ...several(2, () => overRest('slow', { ms: 300 })),
      ...several(2, () => overRest('slow', { ms: LONG_MS })),
      ...several(2, () => overMcp('slow', { ms: LONG_MS })),
    ];
    try {
      for (const service of [...system.routers, ...system.gateways]) {
        const port = Number(new URL(service.url ?? 'http://router').port);
        system.resting.add(port);
        await service.kill('SIGTERM');
        await service.start();
        system.resting.delete(port);
      }
    } finally {
      over = true;
      await Promise.allSettled(load);
    }
    expect(faults).toEqual([]);
    expect(calls).toBeGreaterThan(40);
    expect(system.services.map(({ log }) => log).join('')).not.toContain('did not stop in time');
  });

  it('are restarted and no step of a workflow is left in doubt: what is in flight ends, the rest goes on elsewhere', async () => {
    // A tool that says nothing of itself may not be called twice.
    const steps = Array.from({ length: 4 }, (_, i) => ({ [`s${i}`]: { call: 'odd__slow', with: { ms: 1_500 } } }));
    const document = { dsl: '1.0.3', namespace: 'rolling', name: 'steps', version: '1.0.0' };
    const saved = await system.api('POST', '/api/v1/workflows', { definition: { document, do: steps } });
    expect(saved.status).toBeLessThan(300);
    await system.api('POST', '/api/v1/workflows/rolling/steps/versions/1.0.0/publish');
    const runs: string[] = [];
    for (let i = 0; i < 6; i++) {
      const { body } = await system.api<{ id: string }>('POST', '/api/v1/workflows/rolling/steps/runs', { input: {} });
      runs.push(body.id);
    }
    for (const router of system.routers) {
      await router.kill('SIGTERM');
      await router.start();
    }
    let states: unknown[] = [];
    const areOver = async (): Promise<boolean> => {
      const views = await Promise.all(runs.map((id) => system.api<{ state: string }>('GET', `/api/v1/runs/${id}`)));
      states = views.map(({ body }) => body.state);
      return states.every((state) => state !== 'running' && state !== 'waiting');
    };
    await eventually(areOver, 90_000, () => JSON.stringify(states));
    expect(states).toEqual(Array.from({ length: 6 }, () => 'completed'));
  });

  it('stop at once when only streams without an end are open, and end them', async () => {
    const listen = { jsonrpc: '2.0', id: 1, method: 'subscriptions/listen', params: listenParams() };
    const headers = { authorization: `Bearer ${system.key}`, accept: 'application/json, text/event-stream' };
    const streams = await Promise.all([
      ...system.gateways.map(({ url }) =>
        fetch(`${url}/api/v1/servers/odd/logs?tailBytes=10`, { headers: { ...headers, accept: 'text/event-stream' } }),
      ),
      ...system.gateways.map(({ url }) =>
        fetch(`${url}/mcp/odd`, {
          method: 'POST',
          headers: {
            ...headers,
            'content-type': 'application/json',
            'mcp-protocol-version': MODERN,
            'mcp-method': 'subscriptions/listen',
          },
          body: JSON.stringify(listen),
        }),
      ),
    ]);
    expect(streams.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    const ended = Promise.all(streams.map((stream) => stream.text()));
    const [router, ...others] = system.routers;
    const start = Date.now();
    await Promise.all(system.gateways.map((service) => service.kill('SIGTERM')));
    await ended;
    await router?.kill('SIGTERM');
    // Far from the 25 s that calls in flight would have.
    expect(Date.now() - start).toBeLessThan(12_000);
    for (const service of [router, ...system.gateways]) await service?.start();
    await eventually(() => others.every(({ isRunning }) => isRunning));
  });

  it('show what a server wrote on stderr at every replica, and what it writes from now on', async () => {
    const say = (text: string) => system.api('POST', '/api/v1/tools/odd__log/call', { arguments: { text } });
    for (let i = 0; i < 10; i++) await say(`line ${i}`);
    await eventually(async () => {
      const { body } = await system.api<string>('GET', '/api/v1/servers/odd/logs');
      return Array.from({ length: 10 }, (_, i) => `line ${i}`).every((line) => body.includes(line));
    });
    const control = new AbortController();
    const stream = await fetch(`${system.url}/api/v1/servers/odd/logs?tailBytes=1`, {
      headers: { authorization: `Bearer ${system.key}`, accept: 'text/event-stream' },
      signal: control.signal,
    });
    const seen = new Set<string>();
    const reading = (async () => {
      for await (const { data } of readEvents(stream))
        for (const [line] of data.matchAll(/later \d/g)) if (seen.add(line).size === 4) return;
    })();
    for (let i = 0; i < 4; i++) await say(`later ${i}`);
    await reading;
    control.abort();
  });

  it('never write or show a secret of a server, also not when it fails', async () => {
    const secret = { TOKEN: SECRET };
    const bodies = [
      { slug: 'good', command: process.execPath, args: [ODD_SERVER], env: secret },
      { slug: 'crashes', command: process.execPath, args: [ODD_SERVER, '--crash-at-start'], env: secret },
      { slug: 'missing', command: '/does/not/exist', env: secret },
      { slug: 'refuses', url: 'http://127.0.0.1:9/mcp', headers: { Authorization: `Bearer ${SECRET}` } },
    ];
    const shown: unknown[] = [];
    for (const body of bodies) shown.push((await system.api('POST', '/api/v1/servers', body)).body);
    await system.untilReady('good');
    shown.push(
      (await system.api('POST', '/api/v1/tools/good__log/call', { arguments: { text: `it is ${SECRET}` } })).body,
    );
    for (const { slug } of bodies)
      for (const path of [slug, `${slug}/logs`]) shown.push((await system.api('GET', `/api/v1/servers/${path}`)).body);
    shown.push((await system.api('PATCH', '/api/v1/servers/good', { env: { TOKEN: SECRET, bad: 7 } })).body);
    expect(JSON.stringify(shown)).not.toContain(SECRET);
    expect(system.services.map(({ log }) => log).join('')).not.toContain(SECRET);
  });
});

const listenParams = () => ({
  notifications: { toolsListChanged: true },
  _meta: { 'io.modelcontextprotocol/protocolVersion': MODERN, 'io.modelcontextprotocol/clientCapabilities': {} },
});
