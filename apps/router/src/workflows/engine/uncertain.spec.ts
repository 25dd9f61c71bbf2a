import type { JsonObject } from '../definition/json';
import { MemoryRun } from './testing/memory-run';

const document = { dsl: '1.0.3', namespace: 'test', name: 'uncertain', version: '1.0.0' };
const RUNTIME = 'https://serverlessworkflow.io/spec/1.0.0/errors/runtime';

/** A run whose process ended while a call was on its way, and what the next one makes of it. */
async function cutOff(metadata: JsonObject, isRepeatable: boolean) {
  const tasks = [{ a: { call: 'fx__do', with: { mark: 'a' }, metadata } }, { b: { set: { done: true } } }];
  const run = new MemoryRun({ document, do: tasks }, { isRepeatable });
  await run.live(2);
  expect(run.effects).toEqual(['a']);
  await run.live();
  return { state: run.last?.state, effects: run.effects, ended: run.last?.ended };
}

describe('a call that was cut off', () => {
  const again = { state: 'completed', effects: ['a', 'a'], ended: { output: { done: true } } };
  const asked = { state: 'needs_attention', effects: ['a'] };

  it('is done again when its tool says that this is safe, else somebody is asked', async () => {
    expect(await cutOff({}, true)).toEqual(again);
    expect(await cutOff({}, false)).toMatchObject(asked);
  });

  it('is what its task says, whatever its tool says', async () => {
    expect(await cutOff({ idempotency: 'safe' }, false)).toEqual(again);
    expect(await cutOff({ idempotency: 'unsafe' }, true)).toMatchObject(asked);
  });

  it('is done again, or fails, without a question when its task says so', async () => {
    expect(await cutOff({ onUncertain: 'retry' }, false)).toEqual(again);
    expect(await cutOff({ onUncertain: 'fail' }, false)).toMatchObject({
      state: 'faulted',
      effects: ['a'],
      ended: { error: { type: RUNTIME, instance: '/do/0/a', detail: 'Whether this happened is not known' } },
    });
  });
});
