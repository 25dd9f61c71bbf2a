import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Redis } from 'ioredis';
import { eventually, startSystem, type System } from '../system';
import { startPrivateRedis, type PrivateRedis } from '../system/redis';

interface Run {
  id: string;
  state: string;
  input: unknown;
  output: unknown;
  createdAt: string;
}
interface Page<T> {
  items: T[];
}

describe('workflows that start and act by themselves', () => {
  let system: System;
  let own: PrivateRedis;
  let door: Server;
  const seen: { url: string; authorization: string | undefined }[] = [];
  beforeAll(async () => {
    door = createServer(({ url = '', headers }, response) => {
      seen.push({ url, authorization: headers.authorization });
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ url, you: headers.authorization }));
    });
    await new Promise<void>((done) => door.listen(0, '127.0.0.1', done));
    own = await startPrivateRedis();
    system = await startSystem({
      routers: 2,
      discovery: 0,
      monitor: 1,
      analyzer: 0,
      env: { REDIS_URL: own.url, WORKFLOW_LEASE_MS: '1000', WORKFLOW_SWEEP_MS: '200', LLM_MODEL: 'fake' },
    });
  });
  afterAll(async () => {
    await system.stop();
    await own.close();
    door.closeAllConnections();
    await new Promise((done) => door.close(done));
  });

  const address = () => `http://127.0.0.1:${(door.address() as AddressInfo).port}`;
  async function publish(name: string, tasks: unknown[], rest: object = {}): Promise<void> {
    const document = { dsl: '1.0.3', namespace: 'auto', name, version: '1.0.0' };
    const saved = await system.api('POST', '/api/v1/workflows', { definition: { document, do: tasks, ...rest } });
    expect(saved).toMatchObject({ status: 201 });
    const published = await system.api('POST', `/api/v1/workflows/auto/${name}/versions/1.0.0/publish`);
    expect(published).toMatchObject({ status: 200 });
  }
  const start = (name: string, input: unknown = {}, wait = '60s') =>
    system.api<Run>('POST', `/api/v1/workflows/auto/${name}/runs?wait=${wait}`, { input });
  const runsOf = async (name: string) =>
    (await system.api<Page<Run>>('GET', `/api/v1/runs?namespace=auto&name=${name}&limit=100`)).body.items;

  it('use secrets that nobody can read', async () => {
    const value = { token: 'very-secret-token' };
    expect(await system.api('PUT', '/api/v1/secrets/door', { value })).toMatchObject({ status: 201 });
    expect(await system.api('PUT', '/api/v1/secrets/door', { value })).toMatchObject({ status: 200 });
    expect(await system.api('PUT', '/api/v1/secrets/no good', { value })).toMatchObject({ status: 400 });
    const { body: list } = await system.api('GET', '/api/v1/secrets');
    expect(list).toMatchObject({ items: [{ name: 'door' }] });
    await publish(
      'knocks',
      [
        {
          knock: {
            call: 'http',
            with: {
              method: 'get',
              endpoint: { uri: `${address()}/{what}`, authentication: { bearer: { use: 'door' } } },
            },
          },
        },
      ],
      { use: { secrets: ['door'] } },
    );
    const { body } = await start('knocks', { what: 'knock' });
    expect(body).toMatchObject({ state: 'completed', output: { url: '/knock', you: 'Bearer (secret)' } });
    expect(seen).toContainEqual({ url: '/knock', authorization: 'Bearer very-secret-token' });
    const events = await system.api<string>('GET', `/api/v1/runs/${body.id}/events`);
    expect(JSON.stringify([list, body, events])).not.toContain('very-secret-token');
    expect(await system.api('DELETE', '/api/v1/secrets/door')).toMatchObject({ status: 204 });
    expect(await system.api('DELETE', '/api/v1/secrets/door')).toMatchObject({ status: 404 });
    expect(await start('knocks')).toMatchObject({ status: 400 });
  });

  it('start on CloudEvents from outside, in every mode, each event once', async () => {
    await publish('reacts', [{ keep: { set: { got: '${ .[0].data.n }' } } }], {
      schedule: { on: { one: { with: { type: 'shop.sold' } } } },
    });
    const event = { specversion: '1.0', id: 'e1', source: '/shop', type: 'shop.sold', data: { n: 1 } };
    const send = (body: unknown, headers: Record<string, string>) =>
      system.api<Page<{ isNew: boolean; started: string[] }>>('POST', '/api/v1/cloudevents', body, headers);
    const structured = await send(event, { 'content-type': 'application/cloudevents+json' });
    expect(structured).toMatchObject({ status: 202, body: { items: [{ isNew: true }] } });
    expect(await send(event, { 'content-type': 'application/json' })).toMatchObject({
      body: { items: [{ isNew: false, started: [] }] },
    });
    const batch = [2, 3].map((n) => ({ ...event, id: `e${n}`, data: { n } }));
    await send(batch, { 'content-type': 'application/cloudevents-batch+json' });
    const binary = { 'ce-specversion': '1.0', 'ce-id': 'e4', 'ce-source': '/shop', 'ce-type': 'shop.sold' };
    await send({ n: 4 }, binary);
    expect(await send({ data: 1 }, {})).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
    await eventually(async () => {
      const runs = await runsOf('reacts');
      return runs.length === 4 && runs.every(({ state }) => state === 'completed');
    });
    const outputs = (await runsOf('reacts')).map(({ output }) => (output as { got: number }).got);
    expect(outputs.sort()).toEqual([1, 2, 3, 4]);
  });

  it('keep their schedule when Redis loses everything and the routers are killed', async () => {
    await publish('ticks', [{ tick: { set: { at: '${ $workflow.startedAt.iso8601 }' } } }], {
      schedule: { every: { seconds: 1 } },
    });
    await eventually(async () => (await runsOf('ticks')).length >= 2);
    const redis = new Redis(own.url);
    await redis.flushall();
    redis.disconnect();
    await Promise.all(system.routers.map((router) => router.restart('SIGKILL')));
    const before = (await runsOf('ticks')).length;
    await eventually(async () => (await runsOf('ticks')).length >= before + 2);
    const url = '/api/v1/workflows/auto/ticks/schedule';
    expect(await system.api('GET', url)).toMatchObject({ body: { kind: 'every', enabled: true } });
    expect(await system.api('PUT', url, { enabled: false })).toMatchObject({ body: { enabled: false, nextAt: null } });
    const runs = await runsOf('ticks');
    const since = Math.min(...runs.map(({ createdAt }) => Date.parse(createdAt)));
    // One for each second, and one that makes up for the pause.
    expect(runs.length).toBeLessThanOrEqual((Date.now() - since) / 1_000 + 2);
  });

  it('are forked from a task with another input', async () => {
    const get = (path: string) => ({ call: 'http', with: { method: 'get', endpoint: `${address()}/${path}` } });
    await publish('forks', [{ first: get('first') }, { second: { set: { was: '${ .url }' } } }]);
    const { body } = await start('forks');
    const url = `/api/v1/runs/${body.id}/fork`;
    const forked = await system.api<Run>('POST', url, { task: '/do/1/second', input: { url: '/other' } });
    expect(forked.status).toBe(201);
    await eventually(async () => {
      const { body: run } = await system.api<Run>('GET', `/api/v1/runs/${forked.body.id}`);
      return run.state === 'completed' && (run.output as { was: string }).was === '/other';
    });
    expect(seen.filter(({ url: path }) => path === '/first')).toHaveLength(1);
    const headers = { 'idempotency-key': 'fork-1' };
    const again = [await system.api<Run>('POST', url, {}, headers), await system.api<Run>('POST', url, {}, headers)];
    expect(again.map(({ status }) => status)).toEqual([201, 200]);
    expect(again[0]?.body.id).toBe(again[1]?.body.id);
    expect(await system.api('POST', url, { task: '/do/7' })).toMatchObject({ status: 409 });
    const byTool = await system.api('POST', '/api/v1/tools/router__fork_run/call', {
      arguments: { run: body.id, idempotencyKey: 'fork-1' },
    });
    expect(byTool.body).toMatchObject({ structuredContent: { id: again[0]?.body.id, isNew: false } });
  });

  it('let a model work with tools, and a person accept the result', async () => {
    const { body: templates } = await system.api<Page<{ name: string; yaml: string }>>(
      'GET',
      '/api/v1/workflows/templates',
    );
    const template = templates.items.find(({ name }) => name === 'autonomous-agent');
    const saved = await system.api('POST', '/api/v1/workflows', { definition: template?.yaml });
    expect(saved).toMatchObject({ status: 201 });
    const path = '/api/v1/workflows/templates/autonomous-agent';
    expect(await system.api('POST', `${path}/versions/1.0.0/publish`)).toMatchObject({ status: 200 });
    const goal = 'See what is there.\ncall router__list_servers {}';
    const { body } = await system.api<Run>('POST', `${path}/runs`, { input: { goal } });
    interface Approval {
      id: string;
      run: string;
    }
    let approval: Approval | undefined;
    await eventually(async () => {
      const { body: page } = await system.api<Page<Approval>>('GET', '/api/v1/approvals');
      approval = page.items.find(({ run }) => run === body.id);
      return approval !== undefined;
    });
    await Promise.all(system.routers.map((router) => router.restart('SIGKILL')));
    const decision = { approve: true, answer: { accept: true } };
    expect(await system.api('POST', `/api/v1/approvals/${approval?.id}`, decision)).toMatchObject({ status: 200 });
    interface Detail extends Run {
      tasks: { kind: string; path: string; state: string }[];
    }
    let detail: Detail | undefined;
    await eventually(async () => {
      detail = (await system.api<Detail>('GET', `/api/v1/runs/${body.id}`)).body;
      return detail.state === 'completed';
    });
    expect(detail?.output).toMatchObject({ result: expect.any(String) as string, decision: { accept: true } });
    const used = detail?.tasks.filter(({ path }) => path.startsWith('/do/0/')).map(({ kind }) => kind);
    expect(used).toEqual(['agent', 'router__list_servers', 'agent']);
  });

  it('are seen by the monitor', async () => {
    interface Event {
      type: string;
      subject?: string;
    }
    const types = new Set<string>();
    await eventually(async () => {
      const { body } = await system.api<Page<Event>>('GET', '/api/v1/events?topic=run,approval&limit=500');
      for (const { type } of body.items) types.add(type);
      return ['run.started', 'run.completed', 'approval.requested', 'approval.approved'].every((type) =>
        types.has(type),
      );
    });
  });
});
