import type { JsonObject } from '../definition/json';
import { MemoryRun, type MemoryOptions } from './testing/memory-run';

const document = { dsl: '1.0.3', namespace: 'test', name: 'limits', version: '1.0.0' };
const DAY = 86_400_000;
const run = (tasks: JsonObject[], options: MemoryOptions) => new MemoryRun({ document, do: tasks }, options);
const listen = { hear: { listen: { to: { one: { with: { type: 'never' } } } } } };
const TIMEOUT = 'https://serverlessworkflow.io/spec/1.0.0/errors/timeout';

describe('the limits of a run', () => {
  it('end what waits too long, for an event, a person or a time', async () => {
    const waits: JsonObject[] = [
      listen,
      { ask: { call: 'approve', with: { message: 'ok?' } } },
      { pause: { wait: { days: 40 } } },
    ];
    for (const task of waits) {
      const waiting = run([task], { limits: { maxWaitMs: 30 * DAY } });
      await waiting.live();
      const since = waiting.events.at(-1)?.at ?? 0;
      expect(waiting.last).toMatchObject({ state: 'waiting', nextWakeAt: since + 30 * DAY });
      expect((await waiting.finish())?.ended).toMatchObject({ error: { type: TIMEOUT, status: 408 } });
    }
  });

  it('leave those alone that wait for less, one time after the other', async () => {
    const tasks = [{ a: { wait: { days: 20 } } }, { b: { wait: { days: 20 } } }, { c: { set: { done: true } } }];
    const waiting = run(tasks, { limits: { maxWaitMs: 30 * DAY } });
    expect((await waiting.finish())?.ended).toEqual({ output: { done: true } });
  });

  it('end a history that grows too long', async () => {
    const loop = { all: { for: { in: '.xs' }, do: [{ one: { set: { n: 1 } } }] } };
    const xs = Array.from({ length: 50 }, (_, n) => n);
    const long = run([loop], { input: { xs }, limits: { maxEvents: 20 } });
    expect((await long.finish())?.ended).toMatchObject({ error: { detail: 'More than 20 events' } });
    expect(long.events.length).toBeLessThan(25);
  });

  it('refuse what is too large to be given to a task, and what it gives', async () => {
    const large = 'x'.repeat(500);
    const task = [{ call: { call: 'fx__write', with: { large: '${ .large }' } } }];
    const given = run(task, { input: { large }, limits: { maxPayloadBytes: 400 } });
    expect((await given.finish())?.ended).toMatchObject({ error: { detail: 'The input is larger than 400 bytes' } });
    expect(given.effects).toEqual([]);
    const got = run(task, { input: { large: '' }, limits: { maxPayloadBytes: 400 }, perform: () => large });
    expect((await got.finish())?.ended).toMatchObject({ error: { detail: 'The output is larger than 400 bytes' } });
  });
});
