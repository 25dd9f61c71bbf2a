import { randomUUID } from 'node:crypto';
import { eventually, startSystem, type System } from './system';
import { startPrivateRedis, type PrivateRedis } from './system/redis';

interface Logged {
  id: string;
  requestId: string;
  agent: string;
  decision: string;
  outcome: string;
  request?: string;
  response?: string;
}

const everything = {
  command: process.execPath,
  args: [require.resolve('@modelcontextprotocol/server-everything/dist/index.js'), 'stdio'],
};
const WORKERS = 4;

describe('the call log', () => {
  let redis: PrivateRedis;
  let system: System;
  beforeAll(async () => {
    redis = await startPrivateRedis();
    system = await startSystem({
      gateways: 2,
      routers: 2,
      monitor: 2,
      discovery: 0,
      analyzer: 0,
      config: { mcpServers: { everything } },
      env: { REDIS_URL: redis.url },
    });
    await system.untilReady('everything');
  });
  afterAll(async () => {
    await system.stop();
    await redis.close();
  });

  const echo = (message: string, headers: Record<string, string>, tool = 'everything__echo') =>
    system.api('POST', `/api/v1/tools/${tool}/call`, { arguments: { message } }, headers);

  /** Keeps calls in flight until it is stopped; gives the ids of those that were answered well. */
  const flow = () => {
    const answered: string[] = [];
    let isOver = false;
    const worker = async () => {
      while (!isOver) {
        const id = `flow-${randomUUID()}`;
        const { status } = await echo('x', { 'x-request-id': id }).catch(() => ({ status: 0 }));
        if (status === 200) answered.push(id);
        else await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    const workers = Promise.all(Array.from({ length: WORKERS }, worker));
    const more = async (n: number) => {
      const goal = answered.length + n;
      await eventually(() => answered.length >= goal);
    };
    return { more, stop: async () => ((isOver = true), await workers, answered) };
  };

  const logged = async (query: string): Promise<Logged[]> => {
    const headers = { authorization: `Bearer ${system.key}` };
    const reply = await fetch(`${system.url}/api/v1/calls/export?format=jsonl&${query}`, { headers });
    return (await reply.text())
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Logged);
  };
  const missing = async (ids: readonly string[]): Promise<string[]> => {
    const known = new Map<string, number>();
    for (const { requestId } of await logged('server=everything'))
      known.set(requestId, (known.get(requestId) ?? 0) + 1);
    expect([...known.values()].every((times) => times === 1)).toBe(true);
    return ids.filter((id) => !known.has(id));
  };

  it('has every answered call once, though monitors are killed, and routers and Redis restarted, while calls flow', async () => {
    const monitors = system.services.filter(({ app }) => app === 'monitor');
    const calls = flow();
    await calls.more(100);
    await monitors[0]?.kill('SIGKILL');
    await calls.more(50);
    await monitors[1]?.kill('SIGKILL');
    await calls.more(50);
    await Promise.all(monitors.map((monitor) => monitor.start()));
    await calls.more(50);
    for (const router of system.routers) {
      await router.restart('SIGTERM');
      await calls.more(50);
    }
    await redis.restart('SIGTERM');
    await calls.more(50);
    const answered = await calls.stop();
    let lost: string[] = [];
    await eventually(
      async () => (lost = await missing(answered)).length === 0,
      60_000,
      () => `${lost.length} of ${answered.length} answered calls are not in the log`,
    );
  });

  it('loses what a router that is killed had not sent yet, and no more', async () => {
    const calls = flow();
    await calls.more(200);
    await system.routers[0]?.restart('SIGKILL');
    await calls.more(50);
    const answered = await calls.stop();
    let lost: string[] = [];
    // Calls gather for 10 ms and their records for 50 ms, in which a worker has a call every few milliseconds.
    await eventually(
      async () => (lost = await missing(answered)).length <= 15 * WORKERS,
      60_000,
      () => `${lost.length}`,
    );
  });

  it('tells what was decided about calls that were not let through', async () => {
    const name = 'narrow';
    await system.api('POST', '/api/v1/agents', { name, policy: { allow: ['everything__*'], deny: ['*__echo'] } });
    const { body } = await system.api<{ key: string }>('POST', '/api/v1/keys', { agent: name, name: 'test' });
    const own = { authorization: `Bearer ${body.key}` };
    await eventually(async () => (await echo('x', own)).status === 404);
    await echo('x', own, 'everything__nothing');
    const rpc = (tool: string) =>
      fetch(`${system.url}/mcp`, {
        method: 'POST',
        headers: {
          ...own,
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          'mcp-protocol-version': '2026-07-28',
          'mcp-method': 'tools/call',
          'mcp-name': tool,
        },
        body: JSON.stringify({
          jsonrpc: '2.0',
          id: 1,
          method: 'tools/call',
          params: {
            name: tool,
            arguments: { message: 'x' },
            _meta: {
              'io.modelcontextprotocol/protocolVersion': '2026-07-28',
              'io.modelcontextprotocol/clientCapabilities': {},
              'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
            },
          },
        }),
      });
    await rpc('everything__echo');
    await rpc('everything__nothing');
    await eventually(async () => (await logged(`agent=${name}`)).length >= 4);
    const seen = (await logged(`agent=${name}`)).map((call) => `${call.decision} ${call.outcome}`);
    expect(new Set(seen)).toEqual(new Set(['denied denied', 'unknown error']));
    // Members see their own calls, and nobody else's.
    const mine = await system.api<{ items: Logged[] }>('GET', '/api/v1/calls', undefined, own);
    expect(new Set(mine.body.items.map(({ agent }) => agent))).toEqual(new Set([name]));
    const [others] = await logged('agent=admin');
    expect((await system.api('GET', `/api/v1/calls/${others?.id}`, undefined, own)).status).toBe(404);
  });

  it('keeps what calls carried only while that is switched on, without secrets', async () => {
    const call = async (message: string) => {
      const id = `body-${randomUUID()}`;
      await echo(message, { 'x-request-id': id });
      let found: Logged | undefined;
      await eventually(async () => (found = (await logged(`requestId=${id}`))[0]) !== undefined);
      return found as Logged;
    };
    const details = async (id: string) => (await system.api<Logged>('GET', `/api/v1/calls/${id}`)).body;
    const before = await details((await call('not kept')).id);
    expect([before.request, before.response]).toEqual([undefined, undefined]);
    await system.api('PUT', '/api/v1/flags/CALL_BODIES', { enabled: true });
    let kept: Logged | undefined;
    await eventually(async () => {
      const { id } = await call('here is ghp_0123456789abcdefghij0123456789abcdef');
      await eventually(async () => (kept = await details(id)).request !== undefined, 3_000).catch(() => undefined);
      return kept?.request !== undefined;
    });
    expect(kept?.request).toBe('{"message":"here is [redacted]"}');
    expect(kept?.response).toContain('here is [redacted]');
  });
});
