import { SYSTEM_PRINCIPAL, type Principal } from '@mcp-router/shared';
import { checkMigrations, openTestDatabase, until } from '@mcp-router/platform/testing';
import type { Json, JsonObject } from './definition/json';
import type { Effect } from './engine/host';
import { ROUTER_DATABASE } from './testing/engine-parts';
import { workflowDatabase, WorkflowRouter, type WorkflowDatabase } from './testing/workflow-router';

const NEVER = new AbortController().signal;
const get = (args: JsonObject): JsonObject => ({
  call: 'http',
  with: { method: 'get', endpoint: 'https://e.com', ...args },
});

it('the tables of workflows go down and up again, with rows in them', async () => {
  await checkMigrations(ROUTER_DATABASE, async (database) => {
    await database.query(`
      WITH version AS (INSERT INTO router.workflow_version (id, namespace, name, version, status, definition)
        VALUES (gen_random_uuid(), 'a', 'b', '1.0.0', 'published', '{}') RETURNING id),
      run AS (INSERT INTO router.workflow_run (id, version_id, namespace, name, version, state, started_by, principal, input)
        SELECT gen_random_uuid(), id, 'a', 'b', '1.0.0', 'running', 'me', '{}', '{}' FROM version RETURNING id),
      event AS (INSERT INTO router.workflow_event (run_id, seq, epoch, at, type)
        SELECT id, 1, 1, now(), 'run.started' FROM run)
      INSERT INTO router.workflow_schedule (namespace, name, version_id, kind, principal, since)
        SELECT 'a', 'b', id, 'on', '{}', now() FROM version`);
    await database.query(`INSERT INTO router.secret (name, sealed) VALUES ('a', 'b')`);
  });
});

describe('runs', () => {
  let db: WorkflowDatabase;
  let router: WorkflowRouter;
  const performed: Effect[] = [];
  let answer: (effect: Effect & { kind: 'call' }) => Json | Promise<Json> = ({ args }) => args;
  beforeAll(async () => {
    db = workflowDatabase(await openTestDatabase(ROUTER_DATABASE));
    const perform = (effect: Effect) => {
      performed.push(effect);
      return effect.kind === 'call' ? answer(effect) : null;
    };
    router = await new WorkflowRouter(db, perform, {
      WORKFLOW_MAX_TASKS: '20',
      WORKFLOW_MAX_PAYLOAD_BYTES: '2000',
      WORKFLOW_MAX_EVENTS: '30',
      WORKFLOW_MAX_ITERATIONS: '40',
    }).start();
  });
  afterEach(() => {
    answer = ({ args }) => args;
    performed.length = 0;
  });
  afterAll(async () => {
    await router.stop();
    await db.close();
  });
  const histories = async () =>
    JSON.stringify([
      await db.database.query(`SELECT * FROM router.workflow_event`),
      await db.database.query(`SELECT * FROM router.workflow_run`),
      await db.database.query(`SELECT * FROM router.workflow_signal`),
    ]);

  it('get the secrets that their workflow names, and write none of them down', async () => {
    await router.secrets.put('api', { token: 'tok-123456789' });
    await router.secrets.put('plain', 'other-secret-4711');
    await router.secrets.put('unnamed', 'never-to-be-seen');
    await router.publish(
      'keeps',
      [
        {
          ask: get({
            headers: { 'x-key': '${ $secrets.plain | ascii_upcase }', 'x-all': '${ $secrets | keys | join(",") }' },
            endpoint: { uri: 'https://e.com', authentication: { use: 'mine' } },
          }),
        },
        { leak: { set: { seen: '${ $secrets.plain }', encoded: '${ $secrets.api.token | @base64 }' } } },
      ],
      { use: { secrets: ['api', 'plain'], authentications: { mine: { bearer: { use: 'api' } } } } },
    );
    answer = () => ({ echo: 'Bearer tok-123456789' });
    const row = await router.until(await router.run('keeps'), 'completed');
    expect(performed).toMatchObject([
      {
        args: {
          headers: { 'x-key': 'OTHER-SECRET-4711', 'x-all': 'api,plain' },
          endpoint: { authentication: { bearer: { token: 'tok-123456789' } } },
        },
      },
    ]);
    expect(row.output).toEqual({ seen: '(secret)', encoded: '(secret)' });
    const written = await histories();
    for (const text of ['tok-123456789', 'other-secret-4711', 'OTHER-SECRET', 'never-to-be-seen'])
      expect(written).not.toContain(text);
    expect(written).not.toContain(Buffer.from('tok-123456789').toString('base64'));
    const stored = JSON.stringify(await db.database.query(`SELECT * FROM router.secret`));
    expect(stored).not.toContain('tok-123456789');
  });

  it('are refused when a secret is not stored, and fault with 403 when it goes away', async () => {
    const use = { secrets: ['lost'] };
    const tasks = [{ read: { set: { x: '${ $secrets.lost }' } } }];
    await expect(router.publish('loses', tasks, { use })).rejects.toMatchObject({
      code: 'invalid_request',
      errors: [{ pointer: '/use/secrets/0', detail: expect.stringContaining('WF310') as string }],
    });
    await router.secrets.put('lost', 'soon-to-be-gone');
    await router.publish('loses', [{ pause: { wait: { seconds: 2 } } }, ...tasks], { use });
    const id = await router.run('loses');
    await router.until(id, 'waiting');
    await router.secrets.remove('lost');
    expect((await router.until(id, 'faulted')).error).toMatchObject({
      type: 'https://serverlessworkflow.io/spec/1.0.0/errors/authorization',
      status: 403,
      instance: '/do/1/read',
    });
  });

  it('hide what is sensitive, in the run and in its events, from wherever they are read', async () => {
    const metadata = { sensitive: true };
    await router.publish('hides', [
      { open: get({ body: { say: 'open-in' } }) },
      { closed: { ...get({ body: { say: 'closed-in' } }), metadata } },
      { group: { do: [{ inner: { set: { deep: 'deep-out' } } }], metadata } },
      { last: { set: { done: true } } },
    ]);
    const id = await router.run('hides');
    await router.until(id, 'completed');
    const views = [await router.runs.detail(id, SYSTEM_PRINCIPAL)];
    const all = await Promise.all(
      [0, 2, 3, 4, 5].map((after) => router.runs.events(id, { after, limit: 100, waitMs: 0 }, SYSTEM_PRINCIPAL, NEVER)),
    );
    const seen = JSON.stringify([views, all]);
    expect(seen).toContain('open-in');
    for (const text of ['closed-in', 'deep-out']) expect(seen).not.toContain(text);
  });

  it('are seen and steered by who started them and by administrators', async () => {
    const member = (agentId: string): Principal => ({ ...SYSTEM_PRINCIPAL, agentId, agent: agentId, role: 'member' });
    const [ann, bob] = [member('ann'), member('bob')];
    const { signal } = new AbortController();
    await router.publish('owned', [{ hear: { listen: { to: { one: { with: { type: 'never' } } } } } }]);
    const request = { namespace: 'test', name: 'owned', version: 'latest', waitMs: 0 };
    const { id } = await router.runs.start(request, ann, signal);
    const page = async (principal: Principal) =>
      (await router.runs.list({ limit: 10, name: 'owned' }, principal)).items.map((run) => run.id);
    expect([await page(ann), await page(bob), await page(SYSTEM_PRINCIPAL)]).toEqual([[id], [], [id]]);
    const attempts = [
      () => router.runs.detail(id, bob),
      () => router.runs.events(id, { after: 0, limit: 1, waitMs: 0 }, bob, signal),
      () => router.runs.control(id, 'cancel', bob),
      () => router.runs.fork(id, {}, bob),
      () => router.runs.decide(id, { action: 'fail' }, bob),
    ];
    for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject({ code: 'not_found' });
    await router.runs.control(id, 'cancel', ann);
    await router.until(id, 'cancelled');
  });

  it('end with the runs that they started, when they are cancelled', async () => {
    await router.publish('child', [{ hear: { listen: { to: { one: { with: { type: 'never' } } } } } }]);
    await router.publish('parent', [
      { both: { run: { workflow: { namespace: 'test', name: 'child', version: '1.0.0' } } } },
    ]);
    const id = await router.run('parent');
    await router.until(id, 'waiting');
    const [child] = await router.runsOf('child');
    await router.until(child?.id ?? '', 'waiting');
    await router.runs.control(id, 'cancel', SYSTEM_PRINCIPAL);
    await router.until(id, 'cancelled');
    await router.until(child?.id ?? '', 'cancelled');
    const types = (await router.store.events(id)).map(({ type }) => type);
    expect(types.slice(-2)).toEqual(['run.cancelling', 'run.cancelled']);
  });

  it('keep to their limits', async () => {
    const refused = router.publish(
      'many',
      Array.from({ length: 21 }, (_, n) => ({ [`t${n}`]: { set: { n } } })),
    );
    await expect(refused).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(router.run('hides', { text: 'x'.repeat(2_000) })).rejects.toMatchObject({ code: 'payload_too_large' });
    await router.publish('long', [{ all: { for: { in: '.xs' }, do: [{ one: get({ body: '${ $item }' }) }] } }]);
    const rounds = (count: number) => router.run('long', { xs: Array.from({ length: count }, (_, n) => n) });
    await router.publish('large', [{ one: get({}) }]);
    expect((await router.until(await rounds(41), 'faulted')).error?.detail).toContain('40 rounds');
    expect((await router.until(await rounds(39), 'faulted')).error?.detail).toContain('30 events');
    answer = () => 'x'.repeat(2_000);
    expect((await router.until(await router.run('large'), 'faulted')).error?.detail).toContain('2000 bytes');
  });

  it('have a place for their events although a clock was ahead', async () => {
    const ahead = new Date('2051-03-10');
    const id = `${ahead
      .getTime()
      .toString(16)
      .padStart(12, '0')
      .replace(/^(.{8})/, '$1-')}-7000-8000-000000000000`;
    await db.database.query(
      `INSERT INTO router.workflow_event (run_id, seq, epoch, at, type) VALUES ($1, 1, 1, $2, 'run.started')`,
      [id, ahead],
    );
    await router.store.preparePartitions(ahead);
    expect((await router.store.events(id)).map(({ type }) => type)).toEqual(['run.started']);
    await db.database.query(`DELETE FROM router.workflow_event WHERE run_id = $1`, [id]);
  });

  it('are removed with the month they began in, once all of that month have ended', async () => {
    const [old, open] = [1, 2].map((n) => `01888000-000${n}-7000-8000-00000000000${n}`);
    const partition = 'workflow_event_202306';
    await db.database.query(
      `CREATE TABLE router.${partition} PARTITION OF router.workflow_event
         FOR VALUES FROM ('01887441-0c00-0000-0000-000000000000') TO ('01890ebf-d400-0000-0000-000000000000')`,
    );
    await db.database.query(
      `INSERT INTO router.workflow_run (id, version_id, namespace, name, version, state, started_by, principal, input, ended_at)
       SELECT u.id, v.id, 'test', 'old', '1.0.0', 'completed', 'me', '{}', '{}', u.ended
         FROM (VALUES ($1::uuid, now()), ($2::uuid, NULL::timestamptz)) AS u (id, ended),
              (SELECT id FROM router.workflow_version LIMIT 1) v`,
      [old, open],
    );
    const exists = async () =>
      (await db.database.query<{ name: string | null }[]>(`SELECT to_regclass('router.${partition}') AS name`))[0]
        ?.name;
    await db.database.query(`UPDATE router.workflow_run SET next_wake_at = NULL WHERE id = $1`, [open]);
    const due = new Date('2026-11-22');
    expect(await router.store.dropMonthsBefore(due)).toEqual([]);
    await db.database.query(`UPDATE router.workflow_run SET ended_at = now() WHERE id = $1`, [open]);
    expect(await router.store.dropMonthsBefore(new Date('2023-06-15'))).toEqual([]);
    expect(await router.store.dropMonthsBefore(due)).toEqual([partition]);
    expect(await exists()).toBeNull();
    await until(async () => (await router.store.find(old ?? '')) === undefined);
  });
});
