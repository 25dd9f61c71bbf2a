import { setTimeout as pause } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import type { Json, JsonObject } from '../../definition/json';
import { WorkflowFault } from '../fault';
import type { RunRow } from '../run-store';
import { EngineProcess, expireLeases } from './engine-process';

const write = (mark: string): JsonObject => ({ call: 'fx__write', with: { mark } });
const read = (mark: string): JsonObject => ({ call: 'fx__read', with: { mark } });
const between = (task: JsonObject): JsonObject[] => [{ first: read('first') }, { it: task }, { last: read('last') }];
const child = { namespace: 'cut', name: 'child', version: '1.0.0', input: { n: 1 } };

/** A workflow for every kind of task, and for every way in which a task waits. */
export const KINDS: Readonly<Record<string, JsonObject[]>> = {
  'call of a safe tool': between(read('it')),
  'call of an unsafe tool': between(write('it')),
  'call that fails': between({ call: 'fx__fail', with: { mark: 'it' } }),
  'call: approve': between({ call: 'approve', with: { message: 'Go on?' } }),
  do: between({ do: [{ a: write('a') }, { b: write('b') }] }),
  emit: between({
    emit: { event: { with: { source: 'https://e.example', type: 'cut.said' } } },
    output: { as: '.type' },
  }),
  for: between({
    for: { each: 'x', in: '[1, 2]' },
    do: [{ a: { call: 'fx__write', with: { mark: '${ "a\\($x)" }' } } }],
  }),
  fork: between({ fork: { branches: [{ a: write('a') }, { b: { do: [{ w: { wait: { milliseconds: 3 } } }, { c: write('b') }] } }] } }), // prettier-ignore
  'fork that competes': between({
    fork: { compete: true, branches: [{ a: { wait: { hours: 1 } } }, { b: write('b') }] },
  }),
  listen: between({ listen: { to: { one: { with: { type: 'cut.heard' } } } } }),
  raise: between({ raise: { error: { type: 'https://e.example/odd', status: 418 } } }),
  'run of a workflow': between({ run: { workflow: child } }),
  set: between({ set: { n: 1 } }),
  switch: between({ switch: [{ one: { when: 'true', then: 'last' } }] }),
  'try with a retry': between({
    try: [{ a: write('a') }, { b: { call: 'fx__twice', with: { mark: 'b' } } }],
    catch: { retry: { delay: { milliseconds: 2 }, limit: { attempt: { count: 3 } } } },
  }),
  'try that catches': between({ try: [{ a: { call: 'fx__fail', with: { mark: 'a' } } }], catch: { do: [{ b: write('b') }] } }), // prettier-ignore
  wait: between({ wait: { milliseconds: 5 } }),
  'a time limit': between({ try: [{ a: { wait: { hours: 1 }, timeout: { after: { milliseconds: 4 } } } }], catch: { do: [{ b: write('b') }] } }), // prettier-ignore
};

export interface Outcome {
  state: string;
  result: Json;
  /** Marks of what was done, in the order of the first time. */
  effects: string[];
  /** Unsafe effects that were done again. */
  twice: string[];
  commits: number;
}

const PATIENCE_MS = 20_000;
let made = 0;

/** One workflow, run by engines one after the other, with somebody who answers what it asks. */
export class OneRun {
  private log: { key: string; mark: string; isSafe: boolean }[] = [];

  constructor(
    private readonly database: DataSource,
    private readonly name: string,
    private readonly tasks: JsonObject[],
  ) {}

  /** @param cut the commit at which the first engine ends, and whether that is still written */
  async go(cut?: { at: number; isWritten: boolean }): Promise<Outcome> {
    this.log = [];
    let commits = 0;
    let engine = this.engine({
      mayWrite: () => ++commits !== cut?.at || cut.isWritten,
      wasWritten: () => commits < (cut?.at ?? Infinity),
    });
    const tools = { namespace: 'cut', dsl: '1.0.3', version: '1.0.0' };
    const marked = { set: { done: '${ .n + 1 }' } };
    await engine.publish({ document: { ...tools, name: 'child' }, do: [{ a: marked }] }).catch(() => undefined);
    const version = await engine.publish({ document: { ...tools, name: `cut-${++made}` }, do: this.tasks });
    await engine.boot();
    let row = (await Promise.race([engine.start(version, {}, version), engine.died])) ?? undefined;
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      if (engine.isDead) {
        await engine.crash();
        engine = this.engine({});
        await engine.boot();
        row ??= await engine.start(version, {}, version);
      }
      await expireLeases(this.database, engine.owner);
      const latest: RunRow | undefined = row && (await engine.store.find(row.id));
      if (latest?.ended_at) {
        await engine.crash();
        return this.outcome(latest, commits);
      }
      if (Date.now() > deadline) throw new Error(`${this.name} is ${latest?.state} for ever`);
      if (latest) await this.answer(engine, latest);
      await Promise.race([pause(2), engine.died]);
    }
  }

  /** What is left of runs that have ended. */
  async leftovers(): Promise<Record<'signals' | 'approvals' | 'listeners', number>> {
    const [row] = await this.database.query<[Record<'signals' | 'approvals' | 'listeners', number>]>(
      `SELECT (SELECT count(*)::int FROM router.workflow_signal) AS signals,
              (SELECT count(*)::int FROM router.workflow_approval WHERE status = 'pending') AS approvals,
              (SELECT count(*)::int FROM router.workflow_listener) AS listeners`,
    );
    return row;
  }

  private engine(at: Pick<ConstructorParameters<typeof EngineProcess>[1], 'mayWrite' | 'wasWritten'>): EngineProcess {
    return new EngineProcess(this.database, {
      ...at,
      sweepMs: 10,
      isRepeatable: ({ task }) => task.call !== 'fx__write',
      call: async ({ task, args }, { key }) => {
        const mark = args['mark'] as string;
        this.log.push({ key, mark, isSafe: task.call !== 'fx__write' });
        await new Promise(setImmediate);
        const keys = new Set(this.log.filter((entry) => entry.mark === mark).map((entry) => entry.key));
        const isRefused = task.call === 'fx__fail' || (task.call === 'fx__twice' && [...keys].indexOf(key) < 2);
        if (isRefused) throw WorkflowFault.of('communication', 'refused', { status: 503 });
        return { mark };
      },
    });
  }

  /** Decides what is uncertain by what the log says, approves, and says once what is listened for. */
  private async answer({ engine, store, board }: EngineProcess, { id, state }: RunRow): Promise<void> {
    const told = await store.signals(id);
    if (told.length > 0) return;
    const events = await store.events(id);
    const isOpen = (path: string, after: number) => !events.some((event) => 'path' in event && event.path === path && event.seq > after); // prettier-ignore
    if (state === 'needs_attention')
      for (const event of events) {
        if (event.type !== 'effect.scheduled' || event.data.isSafe || !isOpen(event.path, event.seq)) continue;
        const done = this.log.find(({ key }) => key === event.data.key);
        const resolution = done
          ? { action: 'complete' as const, output: { mark: done.mark } }
          : { action: 'retry' as const };
        await engine.tell(id, { kind: 'resolve', path: event.path, resolution });
      }
    if (state !== 'waiting') return;
    for (const event of events)
      if (event.type === 'approval.requested' && isOpen(event.path, event.seq))
        await engine.tell(id, { kind: 'input', path: event.path, outcome: { value: { approved: true } } });
    await board.publish({
      specversion: '1.0',
      id: `event-${++made}`,
      source: 'https://e.example',
      type: 'cut.heard',
      data: { n: 1 },
    });
  }

  private outcome({ state, output, error }: RunRow, commits: number): Outcome {
    const counts = new Map<string, number>();
    for (const { key, isSafe } of this.log) if (!isSafe) counts.set(key, (counts.get(key) ?? 0) + 1);
    return {
      state,
      result: state === 'faulted' && error ? { status: error.status, instance: error.instance ?? '' } : output,
      effects: [...new Set(this.log.map(({ key, mark }) => `${mark} ${key.slice(key.indexOf(':'))}`))],
      twice: [...counts].filter(([, times]) => times > 1).map(([key]) => key),
      commits,
    };
  }
}
