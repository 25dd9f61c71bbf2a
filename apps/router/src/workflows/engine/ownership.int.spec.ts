import { setTimeout as pause } from 'node:timers/promises';
import { openTestDatabase } from '@mcp-router/platform/testing';
import type { JsonObject } from '../definition/json';
import type { RunRow } from './run-store';
import { ROUTER_DATABASE } from '../testing/engine-parts';
import { EngineProcess, expireLeases, type EngineOptions } from './testing/engine-process';

const WAIT: JsonObject = { wait: { milliseconds: 3 } };
const document = (name: string) => ({ dsl: '1.0.3', namespace: 'owned', name, version: '1.0.0' });
let made = 0;

/** Each is a way in which another durable engine lost, repeated or wedged work. */
describe('a run and the processes that own it', () => {
  let opened: Awaited<ReturnType<typeof openTestDatabase>>;
  const processes: EngineProcess[] = [];
  let done: string[] = [];
  beforeAll(async () => {
    opened = await openTestDatabase(ROUTER_DATABASE);
  });
  afterEach(async () => {
    await Promise.all(processes.splice(0).map((each) => each.crash()));
    done = [];
  });
  afterAll(() => opened.close());

  async function open(options: Partial<EngineOptions> = {}): Promise<EngineProcess> {
    const engine = new EngineProcess(opened.database, {
      sweepMs: 10,
      isRepeatable: ({ task }) => task.call !== 'fx__write',
      call: ({ args }) => {
        done.push(args['mark'] as string);
        return args;
      },
      ...options,
    });
    processes.push(engine);
    await engine.boot();
    return engine;
  }
  const publish = (engine: EngineProcess, tasks: JsonObject[]) =>
    engine.publish({ document: document(`w${++made}`), do: tasks });
  const write = (mark: string): JsonObject => ({ call: 'fx__write', with: { mark } });
  const read = (mark: string): JsonObject => ({ call: 'fx__read', with: { mark } });
  /** Polls until the run is so; leases of processes other than `engine` are over meanwhile. */
  async function until(
    engine: EngineProcess,
    id: string,
    isSo: (row: RunRow) => boolean | Promise<boolean>,
  ): Promise<RunRow> {
    const deadline = Date.now() + 60_000;
    for (;;) {
      await pause(5);
      await expireLeases(opened.database, engine.owner);
      const row = (await engine.store.find(id)) as RunRow;
      if (await isSo(row)) return row;
      if (Date.now() > deadline) throw new Error(`It is ${row.state}`);
    }
  }
  const isIn = (state: string) => (row: RunRow) => row.state === state;
  const rowsOf = async (sql: string, id: string) => opened.database.query<JsonObject[]>(sql, [id]);

  it('is fenced from an owner that stalls and wakes late: that one writes nothing and begins nothing', async () => {
    let release: ((isMeant: boolean) => void) | undefined;
    const stall = new Promise<boolean>((resolve) => {
      release = resolve;
    });
    let isStalled: (() => void) | undefined;
    const stalled = new Promise<void>((resolve) => {
      isStalled = resolve;
    });
    const slow = await open({
      mayWrite: ({ events }) => {
        if (!events.some(({ type }) => type === 'effect.completed')) return true;
        isStalled?.();
        return stall;
      },
    });
    const version = await publish(slow, [{ a: write('a') }, { b: write('b') }]);
    const { id } = await slow.start(version, {});
    await stalled;
    const quick = await open();
    await until(quick, id, isIn('needs_attention'));
    expect(done).toEqual(['a']);
    await quick.engine.tell(id, {
      kind: 'resolve',
      path: '/do/0',
      resolution: { action: 'complete', output: { by: 1 } },
    });
    await until(quick, id, isIn('completed'));
    release?.(true);
    await pause(50);
    expect(done).toEqual(['a', 'b']);
    const events = await quick.store.events(id);
    expect(events.filter(({ type }) => type === 'effect.completed')).toMatchObject([
      { path: '/do/0', data: { output: { by: 1 } } },
      { path: '/do/1', data: { output: { mark: 'b' } } },
    ]);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  });

  it('is taken again when who had taken its wake-up died before it did anything', async () => {
    const first = await open();
    const { id } = await first.start(await publish(first, [{ a: { call: 'approve', with: { message: '?' } } }, { b: write('b') }]), {}); // prettier-ignore
    await until(first, id, isIn('waiting'));
    await first.crash();
    const second = await open({ mayWrite: () => false });
    await second.engine.tell(id, { kind: 'input', path: '/do/0', outcome: { value: { approved: true } } });
    await second.died;
    await second.crash();
    expect(done).toEqual([]);
    await until(await open(), id, isIn('completed'));
    expect(done).toEqual(['b']);
  });

  it('never has a state that its history does not have, wherever a process ends', async () => {
    for (let at = 1; at <= 4; at++)
      for (const isWritten of [false, true]) {
        let commits = 0;
        const first = await open({
          mayWrite: () => ++commits !== at || isWritten,
          wasWritten: () => commits < at,
        });
        const row = await first.start(await publish(first, [{ a: read('a') }, { w: WAIT }, { b: read('b') }]), {});
        await Promise.race([first.died, pause(500)]);
        await first.crash();
        const [stored] = await rowsOf(
          `SELECT r.state, r.ended_at IS NOT NULL AS ended, (SELECT type FROM router.workflow_event e
             WHERE e.run_id = r.id ORDER BY seq DESC LIMIT 1) AS last FROM router.workflow_run r WHERE r.id = $1`,
          row.id,
        );
        expect({ at, ended: stored?.['last'] === 'run.completed' }).toEqual({ at, ended: stored?.['ended'] });
        await until(await open(), row.id, isIn('completed'));
      }
  });

  it('is one run for one key, although the second start comes while the first begins', async () => {
    const engines = [await open(), await open()];
    const version = await publish(engines[0] as EngineProcess, [{ a: write('a') }, { w: WAIT }]);
    const rows = await Promise.all(
      [0, 1, 0, 1].map((which) => (engines[which] as EngineProcess).start(version, {}, 'same')),
    );
    expect(new Set(rows.map(({ id }) => id)).size).toBe(1);
    const ended = async () => (await engines[0]?.store.find(rows[0]?.id ?? ''))?.ended_at != null;
    // Neither of the two is dead, so no lease is over.
    for (const deadline = Date.now() + 60_000; !(await ended()) && Date.now() < deadline;) await pause(5);
    expect(await ended()).toBe(true);
    expect(done).toEqual(['a']);
  });

  it('is not begun again by a wake-up or a word that comes after its end, and leaves none behind', async () => {
    const engine = await open();
    const { id } = await engine.start(await publish(engine, [{ a: write('a') }]), {});
    const { epoch } = await until(engine, id, isIn('completed'));
    await engine.engine.wake(id);
    await engine.engine.tell(id, { kind: 'resume' });
    expect(await engine.store.acquireDue(10, engine.owner, 1_000)).toEqual([]);
    expect(await engine.store.find(id)).toMatchObject({ epoch, state: 'completed' });
    expect(await rowsOf(`SELECT 1 FROM router.workflow_signal WHERE run_id = $1`, id)).toEqual([]);
    expect(done).toEqual(['a']);
  });

  it('goes on between two tasks when its owner died there', async () => {
    let commits = 0;
    const first = await open({ wasWritten: ({ events }) => !(++commits > 1 && events.some(({ type }) => type === 'effect.completed')) }); // prettier-ignore
    const { id } = await first.start(await publish(first, [{ a: read('a') }, { b: read('b') }, { c: read('c') }]), {});
    await first.died;
    await first.crash();
    await until(await open(), id, isIn('completed'));
    expect([...new Set(done)]).toEqual(['a', 'b', 'c']);
    expect(done.filter((mark) => mark === 'a')).toHaveLength(1);
  });

  it('hears what it was told while nobody owned it, although it comes to that place by way of a wait', async () => {
    const first = await open();
    const tasks = [{ w: WAIT }, { a: { call: 'approve', with: { message: '?' } } }, { b: write('b') }];
    const { id } = await first.start(await publish(first, tasks), {});
    await until(first, id, isIn('waiting'));
    await first.crash();
    await first.store.signal(id, { kind: 'input', path: '/do/1', outcome: { value: { approved: true } } });
    expect(await until(await open(), id, isIn('completed'))).toMatchObject({ output: { mark: 'b' } });
  });

  it('hears it also when it is suspended, and goes on when it is resumed', async () => {
    const first = await open();
    const tasks = [{ w: WAIT }, { a: { call: 'approve', with: { message: '?' } } }];
    const { id } = await first.start(await publish(first, tasks), {});
    await until(first, id, isIn('waiting'));
    await first.engine.tell(id, { kind: 'suspend' });
    await until(first, id, isIn('suspended'));
    await first.crash();
    await first.store.signal(id, { kind: 'input', path: '/do/1', outcome: { value: { approved: true } } });
    const second = await open();
    const heard = `SELECT 1 FROM router.workflow_event WHERE run_id = $1 AND type = 'input.received'`;
    // A statement of the first that was still on its way may have taken the run once more: its lease runs out here too.
    await until(second, id, async () => (await rowsOf(heard, id)).length > 0);
    await second.engine.tell(id, { kind: 'resume' });
    await until(second, id, isIn('completed'));
  });
});
