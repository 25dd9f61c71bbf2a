import { readFile } from 'node:fs/promises';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { eventually, startSystem, type System } from '../system';
import { startPrivateRedis, type PrivateRedis } from '../system/redis';

interface Run {
  id: string;
  state: string;
  output: unknown;
  error: { type: string; status: number; instance: string } | null;
}
interface Detail extends Run {
  uncertain: { path: string; kind: string }[];
}

const folder = mkdtempSync(join(tmpdir(), 'mcp-router-workflows-'));
const logFile = join(folder, 'effects.log');

describe('a workflow', () => {
  let system: System;
  let own: PrivateRedis;
  beforeAll(async () => {
    writeFileSync(logFile, '');
    own = await startPrivateRedis();
    const script = join(__dirname, '../fixtures/effects-upstream.mjs');
    system = await startSystem({
      discovery: 0,
      monitor: 0,
      analyzer: 0,
      config: { mcpServers: { fx: { command: process.execPath, args: [script], env: { EFFECTS_LOG: logFile } } } },
      env: { REDIS_URL: own.url, WORKFLOW_LEASE_MS: '1000', WORKFLOW_SWEEP_MS: '200', LLM_MODEL: 'fake' },
    });
    await system.untilReady('fx');
  });
  afterAll(async () => {
    await system.stop();
    await own.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const effects = async () =>
    (await readFile(logFile, 'utf8'))
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as { what: string; mark: string; key: string });
  const begun = async (mark: string) =>
    (await effects()).filter((entry) => entry.mark === mark && entry.what === 'begin');

  async function publish(name: string, tasks: unknown[], rest: object = {}): Promise<void> {
    const document = { dsl: '1.0.3', namespace: 'test', name, version: '1.0.0' };
    const saved = await system.api('POST', '/api/v1/workflows', { definition: { document, do: tasks, ...rest } });
    expect(saved).toMatchObject({ status: 201 });
    const published = await system.api('POST', `/api/v1/workflows/test/${name}/versions/1.0.0/publish`);
    expect(published).toMatchObject({ status: 200 });
  }
  const start = (name: string, input: unknown, wait = '', headers = {}) =>
    system.api<Run>('POST', `/api/v1/workflows/test/${name}/runs${wait && `?wait=${wait}`}`, { input }, headers);
  const get = async (id: string) => (await system.api<Detail>('GET', `/api/v1/runs/${id}`)).body;
  const until = async (id: string, state: string) => {
    let last: Detail | undefined;
    await eventually(
      async () => (last = await get(id)).state === state,
      60_000,
      () => JSON.stringify(last),
    );
    return last as Detail;
  };

  it('runs tools in order and gives its output at once to who waits for it', async () => {
    await publish('first', [
      { one: { call: 'fx__read', with: { mark: '${ .name }' } } },
      { two: { set: { said: '${ .mark }', again: '${ $workflow.input.name }' } } },
    ]);
    const { status, body } = await start('first', { name: 'Ann' }, '60s');
    expect(status).toBe(201);
    expect(body).toMatchObject({ state: 'completed', output: { said: 'Ann', again: 'Ann' }, error: null });
    expect(await begun('Ann')).toMatchObject([{ key: `${body.id}:/do/0` }]);
  });

  it('goes on after kill -9 during a wait, and does nothing again that was done', async () => {
    await publish('waits', [
      { before: { call: 'fx__write', with: { mark: 'before' } } },
      { pause: { wait: { seconds: 2 } } },
      { after: { call: 'fx__write', with: { mark: 'after' } } },
      { result: { set: { done: '${ .mark }' } } },
    ]);
    const { body } = await start('waits', {});
    await eventually(async () => (await begun('before')).length === 1);
    await eventually(async () => (await get(body.id)).state === 'waiting');
    await system.routers[0]?.restart('SIGKILL');
    expect(await until(body.id, 'completed')).toMatchObject({ output: { done: 'after' } });
    expect(await begun('before')).toHaveLength(1);
    expect(await begun('after')).toHaveLength(1);
  });

  it('asks a person about a write that a crash cut off, and goes on as decided', async () => {
    await publish('cut', [{ slow: { call: 'fx__write', with: { mark: '${ .mark }', ms: 3000 } } }]);
    const { body } = await start('cut', { mark: 'cut-1' });
    await eventually(async () => (await begun('cut-1')).length === 1);
    await system.routers[0]?.restart('SIGKILL');
    const stopped = await until(body.id, 'needs_attention');
    expect(stopped.uncertain).toMatchObject([{ kind: 'fx__write' }]);
    expect(await begun('cut-1')).toHaveLength(1);
    const decision = { action: 'complete', output: { mark: 'by hand' } };
    expect(await system.api('POST', `/api/v1/runs/${body.id}/decide`, decision)).toMatchObject({ status: 202 });
    expect(await until(body.id, 'completed')).toMatchObject({ output: { mark: 'by hand' } });
    expect(await begun('cut-1')).toHaveLength(1);
  });

  it('repeats a read that a crash cut off, with the same key', async () => {
    await publish('reads', [{ slow: { call: 'fx__read', with: { mark: 'read-1', ms: 1500 } } }]);
    const { body } = await start('reads', {});
    await eventually(async () => (await begun('read-1')).length === 1);
    await system.routers[0]?.restart('SIGKILL');
    await until(body.id, 'completed');
    const calls = await begun('read-1');
    expect(calls).toHaveLength(2);
    expect(new Set(calls.map(({ key }) => key)).size).toBe(1);
  });

  it('loses no wake-up when Redis loses everything', async () => {
    const { body } = await start('waits', {});
    await eventually(async () => (await get(body.id)).state === 'waiting');
    const redis = new Redis(own.url);
    await redis.flushall();
    redis.disconnect();
    await until(body.id, 'completed');
  });

  it('gives the same run for the same key, and a conflict when the input is another', async () => {
    const headers = { 'idempotency-key': 'k1' };
    const first = await start('first', { name: 'Key' }, '60s', headers);
    const second = await start('first', { name: 'Key' }, '60s', headers);
    expect([first.status, second.status, second.body.id]).toEqual([201, 200, first.body.id]);
    expect(await begun('Key')).toHaveLength(1);
    expect((await start('first', { name: 'Other' }, '', headers)).status).toBe(409);
  });

  it('waits for a person, whose answer it puts out', async () => {
    const schema = { type: 'object', required: ['ok'], properties: { ok: { type: 'boolean' } } };
    await publish('asks', [{ ask: { call: 'approve', with: { message: 'Go on?', schema, timeout: 'PT1H' } } }]);
    const { body } = await start('asks', {});
    await until(body.id, 'waiting');
    await system.routers[0]?.restart('SIGKILL');
    const { body: page } = await system.api<{ items: { id: string; run: string }[] }>('GET', '/api/v1/approvals');
    const approval = page.items.find(({ run }) => run === body.id);
    const decide = (answer: object) =>
      system.api('POST', `/api/v1/approvals/${approval?.id}`, { approve: true, answer });
    expect(await decide({ ok: 'maybe' })).toMatchObject({ status: 422 });
    expect(await decide({ ok: true })).toMatchObject({ status: 200, body: { status: 'approved' } });
    expect(await until(body.id, 'completed')).toMatchObject({ output: { ok: true } });
    expect(await decide({ ok: true })).toMatchObject({ status: 409 });
  });

  it('is cancelled, suspended, resumed and retried', async () => {
    const { body: waiting } = await start('asks', {});
    await until(waiting.id, 'waiting');
    await system.api('POST', `/api/v1/runs/${waiting.id}/cancel`);
    await until(waiting.id, 'cancelled');
    const { body: paused } = await start('waits', {});
    await system.api('POST', `/api/v1/runs/${paused.id}/suspend`);
    await until(paused.id, 'suspended');
    await system.api('POST', `/api/v1/runs/${paused.id}/resume`);
    await until(paused.id, 'completed');
    await publish('fails', [{ fail: { call: 'fx__fail', with: { mark: 'failing' } } }]);
    const { body: failed } = await start('fails', {}, '60s');
    expect(failed).toMatchObject({ state: 'faulted', error: { status: 500, instance: '/do/0/fail' } });
    await system.api('POST', `/api/v1/runs/${failed.id}/retry`);
    await eventually(async () => (await begun('failing')).length === 2);
    await until(failed.id, 'faulted');
  });

  it('runs another workflow and puts out what that does', async () => {
    await publish('outer', [
      {
        inner: { run: { workflow: { namespace: 'test', name: 'first', version: '1.0.0', input: { name: 'Child' } } } },
      },
    ]);
    const { body } = await start('outer', {}, '60s');
    expect(body).toMatchObject({ state: 'completed', output: { said: 'Child', again: 'Child' } });
  });

  it('is a tool for agents', async () => {
    const schema = { type: 'object', required: ['name'], properties: { name: { type: 'string' } } };
    await publish('greets', [{ greet: { set: { said: '${ "Hello " + .name }' } } }], {
      input: { schema: { document: schema } },
    });
    interface Tool {
      inputSchema: object;
    }
    await eventually(async () => (await system.api('GET', '/api/v1/tools/workflow__greets')).status === 200);
    expect((await system.api<Tool>('GET', '/api/v1/tools/workflow__greets')).body.inputSchema).toEqual(schema);
    const call = { arguments: { name: 'Ann' } };
    expect((await system.api('POST', '/api/v1/tools/workflow__greets/call', call)).body).toMatchObject({
      structuredContent: { said: 'Hello Ann' },
    });
  });

  it('hears what another emits', async () => {
    await publish('hears', [
      { hear: { listen: { to: { one: { with: { type: 'test.said' } } } } } },
      { out: { set: { heard: '${ .[0].text }' } } },
    ]);
    await publish('says', [
      { say: { emit: { event: { with: { source: 'https://e.com', type: 'test.said', data: { text: 'hi' } } } } } },
    ]);
    const { body } = await start('hears', {});
    await until(body.id, 'waiting');
    expect((await start('says', {}, '60s')).body.state).toBe('completed');
    expect(await until(body.id, 'completed')).toMatchObject({ output: { heard: 'hi' } });
  });
});
