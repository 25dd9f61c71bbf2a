import { eventually, startSystem, type System } from '../system';
import { mirrorUpstream } from './mirror';
import { JSON_HEADERS, post, RawSession, readEvents, type JsonRpc } from './raw-client';

const INITIALIZE = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } },
});

describe('a router that stops while a server waits for an answer of its client', () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ gateways: 2, discovery: 0, monitor: 0, analyzer: 0 });
    await system.addServer({ slug: 'mirror', ...mirrorUpstream() });
  });
  afterAll(() => system.stop());

  it('takes the answer and finishes the call, and nothing new', async () => {
    const [router] = system.routers;
    const url = `${system.url}/mcp/mirror`;
    const session = await RawSession.open(url, '2025-11-25', { elicitation: { url: {} } });
    const response = await fetch(url, {
      method: 'POST',
      headers: { ...JSON_HEADERS, ...session.headers },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 'call',
        method: 'tools/call',
        params: { name: 'visit', arguments: { page: 'consent' } },
      }),
    });
    const messages = readEvents(response);
    const next = async (): Promise<JsonRpc> => {
      for (;;) {
        const { value, done } = await messages.next();
        if (done === true) throw new Error('the stream ended');
        if (value.data !== '') return JSON.parse(value.data) as JsonRpc;
      }
    };
    const question = await next();
    expect(question.method).toBe('elicitation/create');

    const stopped = router?.kill('SIGTERM');
    await eventually(async () => (await post(url, INITIALIZE)).status === 503, 20_000);
    // A request of the session begins anew at another router; there is none.
    expect((await session.post('{"jsonrpc":"2.0","id":2,"method":"tools/list"}')).status).toBe(404);
    const answer = { jsonrpc: '2.0', id: question.id, result: { action: 'accept' } };
    expect((await session.post(JSON.stringify(answer))).status).toBe(202);
    expect(await next()).toMatchObject({ id: 'call', result: { content: [{ type: 'text', text: 'accept' }] } });
    await stopped;
    expect(router?.log).not.toContain('did not stop in time');

    // Now that it is gone there is nobody to say anything to.
    expect((await session.post(JSON.stringify(answer))).status).toBe(404);
    await router?.start();
  });
});
