import { eventually, startSystem, type System } from './system';

describe('one request', () => {
  let system: System;
  beforeAll(async () => {
    const everything = require.resolve('@modelcontextprotocol/server-everything/dist/index.js');
    system = await startSystem({
      discovery: 0,
      analyzer: 0,
      env: { LOG_LEVEL: 'debug' },
      config: { mcpServers: { everything: { command: process.execPath, args: [everything, 'stdio'] } } },
    });
    await system.untilReady('everything');
  });
  afterAll(() => system.stop());

  const logOf = (app: string) => system.services.find((service) => service.app === app)?.log ?? '';

  it('has one id, in the answer and in the log of every service that took part', async () => {
    const id = 'trace-me-4711';
    const reply = await system.api(
      'POST',
      '/api/v1/tools/everything__echo/call',
      { arguments: { message: 'x' } },
      { 'x-request-id': id },
    );
    expect([reply.status, reply.headers.get('x-request-id')]).toEqual([200, id]);
    for (const app of ['gateway', 'router']) await eventually(() => logOf(app).includes(`"requestId":"${id}"`));
    expect(logOf('monitor')).not.toContain(id);
  });

  it('stands in the call log with its id and its trace', async () => {
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
    const headers = { 'x-request-id': 'logged-1', traceparent: `00-${trace}-00f067aa0ba902b7-01` };
    await system.api('POST', '/api/v1/tools/everything__echo/call', { arguments: { message: 'x' } }, headers);
    const find = async () => {
      const { body } = await system.api<{ items: Record<string, unknown>[] }>(
        'GET',
        '/api/v1/calls?requestId=logged-1',
      );
      return body.items[0];
    };
    await eventually(async () => (await find()) !== undefined);
    expect(await find()).toMatchObject({
      traceId: trace,
      agent: 'admin',
      server: 'everything',
      outcome: 'ok',
      endpoint: 'rest',
    });
  });

  it('gets an id of its own when the given one could forge log lines', async () => {
    const { headers } = await system.api('GET', '/api/v1/servers', undefined, { 'x-request-id': 'a b"c' });
    expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });
});
