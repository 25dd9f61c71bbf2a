import { eventually, startSystem, type System } from './system';

interface ToolReply {
  isError?: boolean;
  structuredContent?: { items?: unknown[]; status?: string; services?: unknown[] };
}

interface Status {
  status: string;
  services: { name: string; instances: { version: string | null }[] }[];
  dependencies: { name: string; ok: boolean }[];
}

describe('monitoring', () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ discovery: 0, analyzer: 0 });
  });
  afterAll(() => system.stop());

  const tool = async (name: string, args: object = {}) =>
    (await system.api<ToolReply>('POST', `/api/v1/tools/router__${name}/call`, { arguments: args })).body;

  it('tells which services run, and which do not', async () => {
    const read = async () => (await system.api<Status>('GET', '/api/v1/system')).body;
    const versions = async () =>
      (await read()).services.map(({ name, instances }) =>
        [name, ...instances.map(({ version }) => version)].join(' '),
      );
    // The monitor hears of others within a second.
    const running = ['gateway 0.1.0', 'router 0.1.0', 'discovery', 'monitor 0.1.0', 'analyzer'];
    await eventually(async () => (await versions()).join() === running.join());
    const body = await read();
    expect(body.status).toBe('degraded');
    expect(body.dependencies).toMatchObject([
      { name: 'postgres', ok: true, version: expect.stringMatching(/^\d+\.\d/) as string },
      { name: 'redis', ok: true, version: expect.stringMatching(/^\d+\.\d/) as string },
    ]);
  });

  it('has alert rules that can be read, replaced, tried and removed', async () => {
    const { body } = await system.api<{ items: { name: string }[] }>('GET', '/api/v1/alert-rules');
    expect(body.items).toHaveLength(12);
    const rule = { name: 'mine', metric: 'calls_total', aggregate: 'rate', threshold: 5 };
    expect((await system.api('POST', '/api/v1/alert-rules', rule)).status).toBe(201);
    expect((await system.api('POST', '/api/v1/alert-rules', rule)).status).toBe(409);
    const replaced = await system.api('PUT', '/api/v1/alert-rules/mine', { ...rule, threshold: 6 });
    expect(replaced.body).toMatchObject({ threshold: 6, windowSeconds: 300 });
    const from = new Date(Date.now() - 3_600_000).toISOString();
    const test = await system.api('POST', '/api/v1/alert-rules/test', { rule, from });
    expect(test).toMatchObject({ status: 200, body: { transitions: [], firingSeconds: 0 } });
    expect((await system.api('DELETE', '/api/v1/alert-rules/mine')).status).toBe(204);
    expect((await system.api('GET', '/api/v1/alert-rules/mine')).status).toBe(404);
  });

  it('answers through tools what REST answers, and the calls of the tools can be exported', async () => {
    const answers = await Promise.all([
      tool('system_status'),
      tool('list_alerts'),
      tool('list_events', { topics: ['configuration'] }),
      tool('top_tools'),
      tool('server_uptime', { server: 'router' }),
      tool('query_metrics', { name: 'process_resident_memory_bytes', by: ['service'] }),
    ]);
    expect(answers.map(({ isError, structuredContent }) => [isError, typeof structuredContent])).toEqual(
      answers.map(() => [undefined, 'object']),
    );
    const exported = async (format: string) => {
      const headers = { authorization: `Bearer ${system.key}` };
      return (await fetch(`${system.url}/api/v1/calls/export?format=${format}&server=router`, { headers })).text();
    };
    await eventually(async () => (await exported('jsonl')).trim().split('\n').length === 6);
    const lines = (await exported('csv')).trim().split('\r\n');
    expect(lines).toHaveLength(7);
    expect(lines[0]).toMatch(/^id,at,requestId/);
  });
});
