import { contextOf, runInContext } from '@mcp-router/platform';
import { openTestDatabase, until } from '@mcp-router/platform/testing';
import { SYSTEM_PRINCIPAL } from '@mcp-router/shared';
import type { JsonObject } from './definition/json';
import { ROUTER_DATABASE } from './testing/engine-parts';
import { workflowDatabase, WorkflowRouter, type WorkflowDatabase } from './testing/workflow-router';

const VALIDATION = 'https://serverlessworkflow.io/spec/1.0.0/errors/validation';
const USES_KEY = { use: { secrets: ['key'] } };
const TASKS = [{ read: { set: { length: '${ $secrets.key | length }' } } }];
const event = (type: string, id: string): JsonObject => ({ specversion: '1.0', id, source: 'https://test', type });
const runOf = (name: string) => ({ run: { workflow: { namespace: 'test', name, version: '1.0.0' } } });

describe('a run begins only when its workflow can be run', () => {
  let db: WorkflowDatabase;
  let router: WorkflowRouter;
  beforeAll(async () => {
    db = workflowDatabase(await openTestDatabase(ROUTER_DATABASE));
    router = await new WorkflowRouter(db, () => null, { WORKFLOW_MAX_DEPTH: '4' }).start();
  });
  beforeEach(() => router.secrets.put('key', 'value'));
  afterAll(async () => {
    await router.stop();
    await db.close();
  });
  const start = (name: string, idempotencyKey?: string) =>
    router.runs.start(
      { namespace: 'test', name, version: 'latest', idempotencyKey, waitMs: 0 },
      SYSTEM_PRINCIPAL,
      new AbortController().signal,
    );
  const only = async (name: string) => {
    await until(async () => (await router.runsOf(name)).length === 1);
    const [row] = await router.runsOf(name);
    return row?.id ?? '';
  };

  it('for a caller; what was started with a key stays started', async () => {
    await router.publish('called', TASKS, USES_KEY);
    const first = await start('called', 'once');
    await router.secrets.remove('key');
    await expect(start('called')).rejects.toMatchObject({
      code: 'invalid_request',
      errors: [{ pointer: '/use/secrets/0', detail: expect.stringContaining('WF310') as string }],
    });
    expect(await start('called', 'once')).toMatchObject({ id: first.id, isNew: false });
    await expect(start('called', 'twice')).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('for an event: else it faults before its first task, and can be retried when that is mended', async () => {
    await router.publish('told', TASKS, { ...USES_KEY, schedule: { on: { one: { with: { type: 'told' } } } } });
    await router.secrets.remove('key');
    await router.board.publish(event('told', 'e1'));
    const id = await only('told');
    const { error } = await router.until(id, 'faulted');
    expect(error).toMatchObject({ type: VALIDATION, status: 400, detail: expect.stringContaining('WF310') as string });
    expect((await router.store.events(id)).map(({ type }) => type)).toEqual(['run.started', 'run.faulted']);
    await expect(router.runs.control(id, 'retry', SYSTEM_PRINCIPAL)).rejects.toMatchObject({ code: 'invalid_request' });
    await router.secrets.put('key', 'value');
    await router.runs.control(id, 'retry', SYSTEM_PRINCIPAL);
    expect(await router.until(id, 'completed')).toMatchObject({ output: { length: 5 } });
  });

  it('for another run: else that faults, and nothing was begun', async () => {
    await router.publish('inner', TASKS, USES_KEY);
    await router.publish('outer', [{ inner: runOf('inner') }]);
    expect(await router.until(await router.run('outer'), 'completed')).toMatchObject({ output: { length: 5 } });
    await router.secrets.remove('key');
    const { error } = await router.until(await router.run('outer'), 'faulted');
    expect(error).toMatchObject({ type: VALIDATION, instance: '/do/0/inner' });
    expect(await router.runsOf('inner')).toHaveLength(1);
  });

  it('not deeper inside one another than is allowed: a workflow may run itself', async () => {
    await router.publish('self', [{ again: runOf('self') }]);
    const { error } = await router.until(await router.run('self'), 'faulted');
    expect(error).toMatchObject({ status: 500, detail: 'More than 4 runs inside one another' });
    expect(await router.runsOf('self')).toHaveLength(4);
  });

  it('in the trace of who started it: a caller, an event, another run', async () => {
    const traceparent = `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`;
    await router.publish('heard', [{ done: { set: { x: 1 } } }], {
      schedule: { on: { one: { with: { type: 'heard' } } } },
    });
    await router.publish('spoken', [
      { inner: runOf('called') },
      { say: { emit: { event: { with: { source: 'https://test', type: 'heard' } } } } },
    ]);
    const before = (await router.runsOf('called')).length;
    const { id } = await runInContext(contextOf({ traceparent }), () => start('spoken'));
    await router.until(id, 'completed');
    await until(async () => (await router.runsOf('called')).length > before);
    const rows = [(await router.runsOf('called'))[0], await router.store.find(await only('heard'))];
    expect(rows.map((row) => row?.traceparent?.slice(0, 35))).toEqual([
      traceparent.slice(0, 35),
      traceparent.slice(0, 35),
    ]);
  });
});
