import type { Json, JsonObject } from '../definition/json';
import { WorkflowFault } from './fault';
import { MemoryRun } from './testing/memory-run';

const document = { dsl: '1.0.3', namespace: 'test', name: 'retries', version: '1.0.0' };
const SECONDS = 1_000;
const STATUSES = [503, 503, 503, 404];

/** A call that is refused again and again: with 503 three times, then with 404. */
async function refused(retry: JsonObject, clause: JsonObject = {}, kills: { at: number; isWritten: boolean }[] = []) {
  let calls = 0;
  const perform = (): Json => {
    throw WorkflowFault.of('communication', 'away', { status: STATUSES[Math.min(calls++, 3)] ?? 0 });
  };
  const tasks = [
    {
      t: {
        try: [{ c: { call: 'fx__read', with: { mark: 'x' } } }],
        catch: { as: 'err', retry, do: [{ gave: { set: { up: '${ $err.status }' } } }], ...clause },
      },
    },
  ];
  const run = new MemoryRun({ document, do: tasks }, { perform });
  const end = (await run.finish(kills))?.ended;
  const times = run.events.filter(({ type }) => type === 'effect.scheduled').map(({ at }) => at);
  return { end, pauses: times.slice(1).map((at, index) => (at - (times[index] ?? 0)) / SECONDS) };
}
const count = (attempts: number) => ({ limit: { attempt: { count: attempts } } });
const delay = { seconds: 10 };

describe('a policy of retries', () => {
  it.each<[string, JsonObject, number[]]>([
    ['as long as the delay', {}, [10, 10, 10]],
    ['as long as the delay, when that is said', { backoff: { constant: {} } }, [10, 10, 10]],
    ['longer by the delay each time', { backoff: { linear: {} } }, [10, 20, 30]],
    ['twice as long each time', { backoff: { exponential: {} } }, [10, 20, 40]],
  ])('waits %s', async (_, backoff, pauses) => {
    expect(await refused({ delay, ...backoff, ...count(3) })).toEqual({ end: { output: { up: 404 } }, pauses });
  });

  it('adds a jitter within its bounds, which a replay does not change', async () => {
    const retry = { delay, jitter: { from: { seconds: 5 }, to: { seconds: 9 } }, ...count(3) };
    const { pauses } = await refused(retry);
    expect(pauses).toHaveLength(3);
    for (const pause of pauses) {
      expect(pause).toBeGreaterThanOrEqual(15);
      expect(pause).toBeLessThanOrEqual(19);
    }
    expect(new Set(pauses).size).toBeGreaterThan(1);
    expect((await refused(retry, {}, [{ at: 2, isWritten: true }])).pauses).toEqual(
      expect.arrayContaining(pauses.slice(1)),
    );
  });

  it('ends with its time', async () => {
    expect((await refused({ delay, limit: { duration: { seconds: 25 } } })).pauses).toEqual([10, 10]);
  });

  it('is for the faults that it names', async () => {
    const when = (await refused({ delay, when: '$err.status == 503', ...count(9) })).pauses;
    expect(when).toEqual([10, 10, 10]);
    const exceptWhen = (await refused({ delay, exceptWhen: '$err.status == 404', ...count(9) })).pauses;
    expect(exceptWhen).toEqual([10, 10, 10]);
    const other = await refused({ delay, ...count(9) }, { errors: { with: { status: 500 } } });
    expect(other).toMatchObject({ end: { error: { status: 503, instance: '/do/0/t/try/0/c' } }, pauses: [] });
    const { end } = await refused({ delay, ...count(9) }, { exceptWhen: '$err.status == 503' });
    expect(end).toMatchObject({ error: { status: 503 } });
  });

  it('limits how long one attempt takes', async () => {
    const retry = { delay, limit: { attempt: { count: 2, duration: { minutes: 1 } } } };
    const tasks = [{ t: { try: [{ w: { wait: { hours: 2 } } }], catch: { as: 'err', retry } } }];
    const slow = new MemoryRun({
      document,
      do: [...tasks, { done: { set: { at: '${ $task.startedAt.epoch.seconds }' } } }],
    });
    const ended = (await slow.finish())?.ended as { output: { at: number } };
    expect(ended.output.at - (slow.events[0]?.at ?? 0) / SECONDS).toBe(60 + 10 + 60 + 10 + 60);
  });

  it('may stand under `use.retries`, for several tasks', async () => {
    let calls = 0;
    const perform = (): Json => {
      if (++calls < 3) throw WorkflowFault.of('communication', 'away', { status: 503 });
      return { calls };
    };
    const use = { retries: { patient: { delay, ...count(5) } } };
    const tasks = [{ t: { try: [{ c: { call: 'fx__read', with: { mark: 'x' } } }], catch: { retry: 'patient' } } }];
    expect((await new MemoryRun({ document, use, do: tasks }, { perform }).finish())?.ended).toEqual({
      output: { calls: 3 },
    });
  });
});
