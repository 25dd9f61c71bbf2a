import { eventually, startSystem, type System } from './system';
import { startPrivateRedis, type PrivateRedis } from './system/redis';

interface ToolReply {
  isError?: boolean;
  structuredContent?: { items: { id: string; requestId: string; tool?: string; decision: string }[] };
}

/** Follows the events of agents for as long as it is open, at whichever gateway answers, each time after the last it has. */
class Follower {
  readonly seen: string[] = [];
  readonly gaps: string[] = [];
  connections = 0;
  private last: string | undefined;
  private readonly abort = new AbortController();
  private readonly done: Promise<void>;

  constructor(private readonly system: System) {
    this.done = this.run();
  }

  async close(): Promise<void> {
    this.abort.abort();
    await this.done;
  }

  private async run(): Promise<void> {
    while (!this.abort.signal.aborted) {
      await this.follow().catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  private async follow(): Promise<void> {
    const response = await fetch(`${this.system.url}/api/v1/stream?topic=agent`, {
      headers: { authorization: `Bearer ${this.system.key}`, ...(this.last && { 'last-event-id': this.last }) },
      signal: this.abort.signal,
    });
    if (response.status !== 200) return;
    this.connections++;
    let text = '';
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk as Uint8Array).toString();
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) this.take(block);
    }
  }

  private take(block: string): void {
    const [, id, name, data = '{}'] = /^id: (.*)\nevent: (.*)\ndata: (.*)$/.exec(block) ?? [];
    if (id === undefined) return;
    this.last = id;
    if (name === 'gap') this.gaps.push(data);
    else this.seen.push((JSON.parse(data) as { subject: string }).subject);
  }
}

describe('two replicas of gateway, router and monitor', () => {
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
      env: { REDIS_URL: redis.url },
    });
  });
  afterAll(async () => {
    await system.stop();
    await redis.close();
  });

  it('are all shown, with version, start and memory of each', async () => {
    interface Status {
      services: { name: string; instances: { id: string; version: string | null; residentBytes: number | null }[] }[];
    }
    const read = async () => (await system.api<Status>('GET', '/api/v1/system')).body.services;
    let ids: string[] = [];
    const running = async () => {
      const services = await read();
      ids = services.flatMap(({ instances }) => instances.map(({ id }) => id));
      return services.flatMap(({ name, instances }) =>
        instances.filter(({ version, residentBytes }) => version !== null && residentBytes).map(() => name),
      );
    };
    await eventually(async () => (await running()).join() === 'gateway,gateway,router,router,monitor,monitor');
    expect(new Set(ids).size).toBe(6);
  });

  it('are all measured, whichever gateway Prometheus asks', async () => {
    for (const { url } of system.gateways) {
      const instances = async () => {
        const response = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${system.key}` } });
        const found = (await response.text()).matchAll(/^process_cpu_seconds_total\{service="(\w+)"/gm);
        return [...found].map(([, service]) => service).sort();
      };
      await eventually(async () => (await instances()).join() === 'gateway,gateway,monitor,monitor,router,router');
    }
  });

  it('lose no event for a follower that comes back, though gateways, monitors and Redis end while it follows', async () => {
    const follower = new Follower(system);
    await eventually(() => follower.connections > 0);
    const added: string[] = [];
    const addAgents = async (prefix: string, n: number) => {
      for (let i = 0; i < n; i++) {
        const name = `${prefix}-${i}`;
        await eventually(async () => {
          const { status } = await system.api('POST', '/api/v1/agents', { name }).catch(() => ({ status: 0 }));
          if (status === 201) added.push(name);
          // A first try that was cut off may have done it.
          return status === 201 || status === 409;
        });
      }
    };
    const arrive = () => eventually(() => added.every((name) => follower.seen.includes(name)), 45_000);
    await addAgents('begin', 5);
    await arrive();
    for (const gateway of system.gateways) {
      await gateway.kill('SIGKILL');
      await addAgents(`without-gateway-${system.gateways.indexOf(gateway)}`, 5);
      await gateway.start();
    }
    await arrive();
    const monitors = system.services.filter(({ app }) => app === 'monitor');
    await monitors[0]?.kill('SIGKILL');
    await addAgents('one-monitor', 5);
    await monitors[1]?.kill('SIGKILL');
    await addAgents('no-monitor', 5);
    await Promise.all(monitors.map((monitor) => monitor.start()));
    await arrive();
    await redis.restart('SIGTERM');
    await addAgents('after-redis', 5);
    await arrive();
    // Killed, it forgets what it had not on disk: not what was told, and what comes after it is back arrives.
    await redis.restart('SIGKILL');
    await addAgents('after-redis-was-killed', 5);
    await arrive();
    await follower.close();
    expect(new Set(follower.seen).size).toBe(follower.seen.length);
    expect(follower.gaps).toEqual([]);
    expect(follower.connections).toBeGreaterThan(1);
    const listed = await system.api<{ items: { subject: string }[] }>('GET', '/api/v1/events?topic=agent&limit=1000');
    expect(listed.body.items.map(({ subject }) => subject).reverse()).toEqual(follower.seen);
  });

  it('evaluate alert rules once, keep silences, and hide the secrets of notifiers', async () => {
    const rule = {
      name: 'always',
      metric: 'process_resident_memory_bytes',
      aggregate: 'max',
      threshold: 1,
      windowSeconds: 60,
      severity: 'info',
    };
    const until = new Date(Date.now() + 3_600_000).toISOString();
    const silenced = await system.api<{ id: string; createdBy: string }>('POST', '/api/v1/silences', {
      rule: 'always',
      endsAt: until,
    });
    expect([silenced.status, silenced.body.createdBy]).toEqual([201, 'admin']);
    const secret = 'a secret that is not shown';
    const notifier = { name: 'hook', url: 'http://127.0.0.1:9/x', secret };
    expect((await system.api('POST', '/api/v1/notifiers', notifier)).status).toBe(201);
    expect(JSON.stringify((await system.api('GET', '/api/v1/notifiers')).body)).not.toContain(secret);
    const read = await system.api<{ version: string }>('GET', '/api/v1/notifiers/hook');
    const tag = { 'if-match': `"${read.body.version}"` };
    const change = (changes: object) => system.api('PATCH', '/api/v1/notifiers/hook', changes, tag);
    expect(await change({ severities: ['critical'] })).toMatchObject({
      status: 200,
      body: { url: notifier.url, severities: ['critical'] },
    });
    expect((await change({ severities: ['info'] })).status).toBe(412);
    expect((await change({ name: 'other' })).status).toBe(400);
    expect(await system.api('POST', '/api/v1/notifiers/hook/test')).toMatchObject({
      status: 200,
      body: { ok: false, status: null, error: 'bad port' },
    });
    await system.api('POST', '/api/v1/alert-rules', rule);
    interface Alerts {
      items: { id: string; state: string; muted: string | null; acknowledgedBy: string | null }[];
    }
    const alerts = async () => (await system.api<Alerts>('GET', '/api/v1/alerts?rule=always')).body.items;
    await eventually(async () => (await alerts())[0]?.state === 'firing', 60_000);
    const [alert] = await alerts();
    expect(alert?.muted).toBe('silenced');
    const acknowledged = await system.api<Alerts['items'][0]>('POST', `/api/v1/alerts/${alert?.id}/acknowledge`);
    expect(acknowledged.body.acknowledgedBy).toBe('admin');
    const fired = await system.api<{ items: { type: string; subject: string }[] }>(
      'GET',
      '/api/v1/events?topic=alert&subject=always',
    );
    expect(fired.body.items.filter(({ type }) => type === 'alert.firing')).toHaveLength(1);
    expect((await system.api('DELETE', `/api/v1/silences/${silenced.body.id}`)).status).toBe(204);
  });

  it('tell what the configuration file became, and how servers come and go', async () => {
    await system.writeConfig({ mcpServers: { broken: { command: 'no-such-program-anywhere' } } });
    const types = async () => {
      const { body } = await system.api<{ items: { type: string; server?: string; data?: { to?: string } }[] }>(
        'GET',
        '/api/v1/events?topic=configuration,server&limit=200',
      );
      return body.items.map(({ type, server, data }) => [type, server, data?.to].filter(Boolean).join(' '));
    };
    await eventually(async () => {
      const seen = await types();
      return seen.includes('configuration.fileLoaded') && seen.includes('server.stateChanged broken unreachable');
    });
    await system.writeConfig({ mcpServers: { broken: 7 } });
    await eventually(async () => (await types()).includes('configuration.fileRefused'));
  });

  it('follow one call through the log', async () => {
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const call = (tool: string, args: object, headers = {}) =>
      system.api<ToolReply>('POST', `/api/v1/tools/router__${tool}/call`, { arguments: args }, headers);
    await call('list_alerts', {}, { traceparent: `00-${traceId}-b7ad6b7169203331-01`, 'x-request-id': 'traced-1' });
    const items = async (by: object) => (await call('trace_call', by)).body.structuredContent?.items ?? [];
    await eventually(async () => (await items({ traceId })).length === 1);
    const [first] = await items({ traceId });
    expect(first).toMatchObject({ tool: 'router__list_alerts', decision: 'allowed', requestId: 'traced-1' });
    expect(await items({ call: first?.id })).toEqual([first]);
    expect(await items({ requestId: 'traced-1' })).toEqual([first]);
    expect((await call('trace_call', {})).body.isError).toBe(true);
  });
});
