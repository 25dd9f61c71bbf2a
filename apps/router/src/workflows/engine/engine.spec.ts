import fc from 'fast-check';
import type { Json, JsonObject } from '../definition/json';
import { MemoryRun, type MemoryOptions } from './testing/memory-run';
import { WorkflowFault } from './fault';

const document = { dsl: '1.0.3', namespace: 'test', name: 'test', version: '1.0.0' };
const run = (tasks: JsonObject[], options: MemoryOptions = {}, rest: JsonObject = {}) =>
  new MemoryRun({ document, do: tasks, ...rest }, options);
const outcome = async (tasks: JsonObject[], input: Json = {}, options: MemoryOptions = {}, rest: JsonObject = {}) =>
  (await run(tasks, { input, ...options }, rest).finish())?.ended;
const call = (mark: string): JsonObject => ({ call: 'fx__write', with: { mark } });

describe('a workflow run', () => {
  it('hands the output of each task to the next, and follows `then`', async () => {
    const tasks = [
      { a: { set: { n: 1 }, then: 'c' } },
      { b: { set: { n: 100 } } },
      { c: { set: { n: '${ .n + 1 }' }, then: 'end' } },
      { d: { set: { n: 0 } } },
    ];
    expect(await outcome(tasks)).toEqual({ output: { n: 2 } });
  });

  it('ends what is in flight when its process stops, begins nothing more, and goes on elsewhere at once', async () => {
    const branches = { branches: [{ left: call('b') }, { right: call('c') }] };
    const one: MemoryRun = run([{ a: call('a') }, { both: { fork: branches } }, { d: call('d') }], {
      isRepeatable: false,
      perform: () => {
        // Told to stop while the two branches are in flight.
        if (one.effects.length === 3) one.isDraining = true;
        return 1;
      },
    });
    expect(await one.live()).toBe('parked');
    expect(one.effects).toEqual(['a', 'b', 'c']);
    expect(one.last).toMatchObject({ state: 'running', release: true, nextWakeAt: Date.UTC(2026, 0, 1) });
    one.isDraining = false;
    // A step in doubt would wait for a person: each was done once and is known to be.
    expect(await one.live()).toBe('ended');
    expect(one.effects).toEqual(['a', 'b', 'c', 'd']);
  });

  it('filters input and output, and exports to the context', async () => {
    const tasks = [
      {
        a: { input: { from: '.user' }, set: { id: '${ .id }' }, output: { as: '.id' }, export: { as: '{ kept: . }' } },
      },
      { b: { set: { got: '${ . }', kept: '${ $context.kept }', given: '${ $workflow.input.user.id }' } } },
    ];
    expect(await outcome(tasks, { user: { id: 7 } })).toEqual({ output: { got: 7, kept: 7, given: 7 } });
  });

  it('goes through lists with the item and its index', async () => {
    const tasks = [
      {
        loop: {
          for: { each: 'x', in: '.xs', at: 'i' },
          do: [{ add: { set: { seen: '${ (.seen // []) + [{ x: $x, i: $i }] }' } } }],
        },
      },
    ];
    expect(await outcome(tasks, { xs: ['a', 'b'] })).toEqual({
      output: { seen: [{ x: 'a', i: 0 }, { x: 'b', i: 1 }] }, // prettier-ignore
    });
  });

  it('chooses by the first case that holds', async () => {
    const tasks = [
      { pick: { switch: [{ big: { when: '.n > 5', then: 'big' } }, { other: { then: 'small' } }] } },
      { small: { set: { is: 'small' }, then: 'end' } },
      { big: { set: { is: 'big' } } },
    ];
    expect(await outcome(tasks, { n: 9 })).toEqual({ output: { is: 'big' } });
    expect(await outcome(tasks, { n: 1 })).toEqual({ output: { is: 'small' } });
  });

  it('faults with what is raised, which names its task', async () => {
    const error = { type: 'https://e.com/odd', status: 418, title: 'Odd' };
    expect(await outcome([{ outer: { do: [{ bad: { raise: { error } } }] } }])).toEqual({
      error: { ...error, instance: '/do/0/outer/do/0/bad' },
    });
  });

  it('gives expression errors the type and status of the standard', async () => {
    expect(await outcome([{ bad: { set: { x: '${ .a.b.c | error("no") }' } } }])).toMatchObject({
      error: { type: 'https://serverlessworkflow.io/spec/1.0.0/errors/expression', status: 400, instance: '/do/0/bad' },
    });
  });

  it('tries again after a while and then succeeds', async () => {
    let calls = 0;
    const perform = () => {
      calls += 1;
      if (calls < 3) throw WorkflowFault.of('communication', 'away', { status: 503 });
      return { calls };
    };
    const retry = { delay: { seconds: 30 }, backoff: { exponential: {} }, limit: { attempt: { count: 5 } } };
    const tasks = [{ t: { try: [{ c: call('x') }], catch: { errors: { with: { status: 503 } }, retry } } }];
    expect(await outcome(tasks, {}, { perform })).toEqual({ output: { calls: 3 } });
  });

  it('hands a caught error to `catch.do`, and lets others pass', async () => {
    const perform = () => {
      throw WorkflowFault.of('communication', 'no', { status: 404 });
    };
    const catching = (status: number) => [
      {
        t: {
          try: [{ c: call('x') }],
          catch: { errors: { with: { status } }, as: 'err', do: [{ s: { set: { at: '${ $err.instance }' } } }] },
        },
      },
    ];
    expect(await outcome(catching(404), {}, { perform })).toEqual({ output: { at: '/do/0/t/try/0/c' } });
    expect(await outcome(catching(500), {}, { perform })).toMatchObject({ error: { status: 404 } });
  });

  it('joins branches in their order, and ends with the first that competes', async () => {
    const branches = [
      { slow: { do: [{ w: { wait: { seconds: 9 } } }, { s: { set: { is: 1 } } }] } },
      { fast: { set: { is: 2 } } },
    ];
    expect(await outcome([{ f: { fork: { branches } } }])).toEqual({ output: [{ is: 1 }, { is: 2 }] });
    expect(await outcome([{ f: { fork: { compete: true, branches } } }])).toEqual({ output: { is: 2 } });
  });

  it('lets timers go off in the order of their times, although they are looked at late', async () => {
    const branches = [{ late: { do: [{ w: { wait: { days: 9 } } }, { s: { set: { is: 1 } } }] } }, { soon: { do: [{ w: { wait: { days: 2 } } }, { s: { set: { is: 2 } } }] } }]; // prettier-ignore
    expect(await outcome([{ f: { fork: { compete: true, branches } } }])).toEqual({ output: { is: 2 } });
    const timedOut = await outcome([{ w: { wait: { days: 3 }, timeout: { after: { days: 1 } } } }]);
    expect(timedOut).toMatchObject({ error: { status: 408, instance: '/do/0/w' } });
  });

  it('does nothing again that was done, wherever it was cut off', async () => {
    const step = fc.constantFrom('call', 'set', 'wait', 'fork', 'try', 'for');
    const kill = fc.record({ at: fc.integer({ min: 1, max: 6 }), isWritten: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 6 }),
        fc.array(kill, { maxLength: 6 }),
        async (steps, kills) => {
          const tasks = steps.map((kind, index) => ({ [`t${index}`]: taskOf(kind, index) }));
          const calm = run(tasks);
          const stormy = run(tasks);
          const [expected, actual] = [await calm.finish(), await stormy.finish(kills)];
          expect(actual?.ended).toEqual(expected?.ended);
          expect(new Set(stormy.effects)).toEqual(new Set(calm.effects));
          const completed = stormy.events.filter(({ type }) => type === 'effect.completed');
          expect(completed).toHaveLength(calm.effects.length);
          expect(stormy.events.map(({ seq }) => seq)).toEqual(stormy.events.map((_, index) => index + 1));
        },
      ),
      { numRuns: 200 },
    );
  });

  it('stops for a person when an effect that may not be repeated was cut off', async () => {
    const cut = run([{ a: call('once') }], { isRepeatable: false });
    await cut.live(2);
    expect(cut.effects).toEqual(['once']);
    await cut.live();
    expect(cut.last?.state).toBe('needs_attention');
    expect(cut.effects).toEqual(['once']);
  });
});

function taskOf(kind: string, index: number): JsonObject {
  const marked = (suffix: string) => call(`${index}${suffix}`);
  switch (kind) {
    case 'call':
      return marked('');
    case 'wait':
      return { wait: { minutes: index + 1 } };
    case 'fork':
      return {
        fork: { branches: [{ a: marked('a') }, { b: { do: [{ w: { wait: { seconds: 5 } } }, { c: marked('b') }] } }] },
      };
    case 'try':
      return {
        try: [{ c: marked('t') }, { r: { raise: { error: { type: 'https://e.com/x', status: 400 } } } }],
        catch: { do: [{ d: marked('c') }] },
      };
    case 'for':
      return {
        for: { in: '[1, 2]', each: 'x' },
        do: [{ c: { call: 'fx__write', with: { mark: `\${ "${index}-\\($x)" }` } } }],
      };
    default:
      return { set: { n: index } };
  }
}
