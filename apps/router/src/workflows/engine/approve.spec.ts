import type { JsonObject } from '../definition/json';
import { MemoryRun } from './testing/memory-run';

const document = { dsl: '1.0.3', namespace: 'test', name: 'asks', version: '1.0.0' };
const DAY = 86_400_000;

describe('a question that nobody answers in time', () => {
  const unanswered = async (args: JsonObject) => {
    const run = new MemoryRun({ document, do: [{ ask: { call: 'approve', with: { message: 'Go on?', ...args } } }] });
    await run.live();
    expect(run.last?.state).toBe('waiting');
    const asked = run.events.find(({ type }) => type === 'approval.requested');
    return { asked, due: run.last?.nextWakeAt, ended: (await run.finish())?.ended };
  };

  it.each<[string | undefined, object]>([
    [undefined, { error: { status: 408, instance: '/do/0/ask' } }],
    ['fail', { error: { status: 408, instance: '/do/0/ask' } }],
    ['reject', { error: { status: 403, detail: 'Nobody approved it in time' } }],
    ['approve', { output: { approved: true } }],
  ])('ends with `onTimeout: %s` as that says', async (onTimeout, ended) => {
    const args = { timeout: 'P1D', ...(onTimeout === undefined ? {} : { onTimeout }) };
    const run = await unanswered(args);
    expect(run.due).toBe((run.asked?.at ?? 0) + DAY);
    expect(run.ended).toMatchObject(ended);
  });

  it('says whom it asks, until when, and what answer it wants', async () => {
    const schema = { type: 'object', required: ['ok'] };
    const { asked } = await unanswered({ timeout: { days: 1 }, assignees: ['ann'], schema });
    expect(asked).toMatchObject({
      data: { message: 'Go on?', assignees: ['ann'], schema, due: (asked?.at ?? 0) + DAY },
    });
  });
});
