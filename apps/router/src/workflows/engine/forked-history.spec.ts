import type { JsonObject } from '../definition/json';
import { forkedHistory } from './forked-history';
import { MemoryRun } from './testing/memory-run';

const document = { dsl: '1.0.3', namespace: 'test', name: 'fork', version: '1.0.0' };
const call = (mark: string): JsonObject => ({ call: 'fx__write', with: { mark, got: '${ . }' } });
const definition = {
  document,
  do: [
    { a: call('a') },
    { pause: { wait: { hours: 5 } } },
    { b: call('b') },
    { c: { set: { was: '${ .got.mark }', mine: '${ $context }' }, export: { as: '.' } } },
  ],
};

async function fork(task: string, input?: JsonObject) {
  const first = new MemoryRun(definition, { input: {} });
  await first.finish();
  const change = { from: first.row.id, ...(input ? { input } : {}) };
  const events = forkedHistory(first.events, task, change, Date.UTC(2026, 5, 1));
  const second = new MemoryRun(definition, { input: {} });
  second.events.push(...(events ?? []));
  if (events) await second.finish();
  return { first, second, events };
}

describe('a run forked from a task', () => {
  it('does only what comes from there on, with the input that was given', async () => {
    const { second } = await fork('/do/2', { mark: 'changed' });
    expect(second.effects).toEqual(['b']);
    expect(second.last?.ended).toMatchObject({ output: { was: 'changed' } });
  });

  it('takes the pointer of the definition too, and without an input goes on with the one there was', async () => {
    const { first, second } = await fork('/do/2/b');
    expect(second.effects).toEqual(['b']);
    expect(second.last?.ended).toEqual(first.last?.ended);
  });

  it('begins anew when forked from its first task', async () => {
    const { second } = await fork('/do/0', { mark: 'x' });
    expect(second.effects).toEqual(['a', 'b']);
  });

  it('does not wait again for what was waited for', async () => {
    const { events } = await fork('/do/2');
    expect(events?.at(-2)).toMatchObject({ type: 'task.finished', path: '/do/1', at: Date.UTC(2026, 5, 1) });
    expect((events?.at(-2)?.at ?? 0) - (events?.[0]?.at ?? 0)).toBe(5 * 3_600_000);
  });

  it('is not possible from a task that the run never came to', async () => {
    expect((await fork('/do/9')).events).toBeUndefined();
  });
});
