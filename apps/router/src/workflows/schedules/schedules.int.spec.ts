import { openTestDatabase, until } from '@mcp-router/platform/testing';
import type { JsonObject } from '../definition/json';
import { ROUTER_DATABASE } from '../testing/engine-parts';
import { workflowDatabase, WorkflowRouter, type WorkflowDatabase } from '../testing/workflow-router';

const SET = [{ done: { set: { at: '${ $workflow.startedAt.epoch.milliseconds }', got: '${ . }' } } }];
let sequence = 0;
const event = (type: string, data: JsonObject = {}, id = `e${++sequence}`): JsonObject => ({
  specversion: '1.0',
  id,
  source: 'https://test',
  type,
  data,
});

describe('schedules of two routers', () => {
  let db: WorkflowDatabase;
  let routers: WorkflowRouter[];
  beforeAll(async () => {
    db = workflowDatabase(await openTestDatabase(ROUTER_DATABASE));
    routers = await Promise.all([new WorkflowRouter(db).start(), new WorkflowRouter(db).start()]);
  });
  afterAll(async () => {
    for (const router of routers) await router.stop();
    await db.close();
  });
  const first = () => routers[0] as WorkflowRouter;
  const second = () => routers[1] as WorkflowRouter;
  const count = async (name: string) => (await first().runsOf(name)).length;

  it('start one run for each occurrence of `every`', async () => {
    await first().publish('ticks', SET, { schedule: { every: { seconds: 1 } } });
    await until(async () => (await count('ticks')) >= 4);
    const keys = await db.database.query<{ key: string }[]>(
      `SELECT idempotency_key AS key FROM router.workflow_run WHERE name = 'ticks' ORDER BY id`,
    );
    const times = keys.map(({ key }) => Date.parse(key.split(' ')[2] ?? ''));
    expect(new Set(times).size).toBe(times.length);
    for (const [index, time] of times.entries()) if (index > 0) expect(time - (times[index - 1] ?? 0)).toBe(1_000);
    await first().publish('ticks', SET, {}, '1.0.1');
    expect(await first().schedules.find('test', 'ticks')).toBeUndefined();
  });

  it('make up for what was missed by one run', async () => {
    await first().publish('missed', SET, { schedule: { cron: '0 0 1 1 *' } });
    expect(await count('missed')).toBe(0);
    await db.database.query(
      `UPDATE router.workflow_schedule SET next_at = now() - interval '3 years' WHERE name = 'missed'`,
    );
    await until(async () => (await count('missed')) === 1);
    const row = await first().schedules.find('test', 'missed');
    expect(row?.next_at?.getTime()).toBeGreaterThan(Date.now());
    expect(await count('missed')).toBe(1);
  });

  it('start `after` the end of the last run', async () => {
    await first().publish('again', [{ wait: { wait: { milliseconds: 300 } } }, ...SET], {
      schedule: { after: { seconds: 1 } },
    });
    await until(async () => (await count('again')) >= 2);
    const [later, earlier] = await first().runsOf('again');
    expect((later?.created_at.getTime() ?? 0) - (earlier?.ended_at?.getTime() ?? Infinity)).toBeGreaterThanOrEqual(990);
    await first().publish('again', SET, {}, '1.0.1');
  });

  it('start on an event, with the event as input, once however often and wherever it comes', async () => {
    await first().publish('heard', SET, { schedule: { on: { one: { with: { type: 'test.heard' } } } } });
    const heard = event('test.heard', { n: 1 });
    await Promise.all([first().board.publish(heard), second().board.publish(heard), first().board.publish(heard)]);
    await first().board.publish(event('test.other'));
    await until(async () => (await count('heard')) === 1);
    const [run] = await first().runsOf('heard');
    expect(run?.input).toEqual([heard]);
    expect(await first().until(run?.id ?? '', 'completed')).toMatchObject({ output: { got: [heard] } });
  });

  it('wait for all of several events that belong together', async () => {
    const correlate = { order: { from: '.order' } };
    const filter = (type: string) => ({ with: { type }, correlate });
    await first().publish('joined', SET, { schedule: { on: { all: [filter('paid'), filter('packed')] } } });
    await first().board.publish(event('paid', { order: 1 }));
    await second().board.publish(event('packed', { order: 2 }));
    await second().board.publish(event('paid', { order: 3 }));
    expect(await count('joined')).toBe(0);
    await second().board.publish(event('packed', { order: 1 }));
    await until(async () => (await count('joined')) === 1);
    expect((await first().runsOf('joined'))[0]?.input).toMatchObject([
      { type: 'paid', data: { order: 1 } },
      { type: 'packed', data: { order: 1 } },
    ]);
  });

  it('gather any events until a condition holds', async () => {
    const any = [{ with: { type: 'measured' } }];
    await first().publish('gathered', SET, { schedule: { on: { any, until: '.value > 10' } } });
    for (const value of [1, 2, 30]) await first().board.publish(event('measured', { value }));
    await until(async () => (await count('gathered')) === 1);
    expect((await first().runsOf('gathered'))[0]?.input).toMatchObject([
      { data: { value: 1 } },
      {},
      { data: { value: 30 } },
    ]);
  });

  it('start on more events at one moment than there are connections, in a router that just began', async () => {
    await first().publish('busy', SET, { schedule: { on: { one: { with: { type: 'busy' } } } } });
    const fresh = new WorkflowRouter(db);
    const events = Array.from({ length: 12 }, (_, n) => event('busy', { n }));
    const published = await Promise.all(events.map((each) => fresh.board.publish(each)));
    expect(published.map(({ started }) => started.length)).toEqual(events.map(() => 1));
    await until(async () => (await count('busy')) === events.length);
    await fresh.stop();
  });

  it('hear what a run emits', async () => {
    await first().publish('follows', SET, { schedule: { on: { one: { with: { type: 'test.emitted' } } } } });
    await first().publish('emits', [
      { say: { emit: { event: { with: { source: 'https://test', type: 'test.emitted', data: { n: 7 } } } } } },
    ]);
    await second().run('emits');
    await until(async () => (await count('follows')) === 1);
  });

  it('refuse a duration that is computed', async () => {
    const { diagnostics } = await first().workflows.validate(
      {
        document: { dsl: '1.0.3', namespace: 'test', name: 'computed', version: '1.0.0' },
        schedule: { every: '${ "PT1S" }' },
        do: SET,
      },
      { agentId: '', agent: '', role: 'admin', policy: { allow: ['*'], deny: [] } },
    );
    expect(diagnostics).toMatchObject([{ code: 'WF107', pointer: '/schedule/every' }]);
  });
});
