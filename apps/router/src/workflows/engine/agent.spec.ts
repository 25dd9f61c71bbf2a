import type { Json, JsonObject } from '../definition/json';
import { fakeTurn } from '../functions/fake-model';
import type { Question } from '../functions/model';
import { AUTONOMOUS_AGENT } from '../templates/autonomous-agent';
import { WorkflowFault } from './fault';
import type { Effect } from './host';
import { MemoryRun } from './testing/memory-run';

const document = { dsl: '1.0.3', namespace: 'test', name: 'agent', version: '1.0.0' };
const tool = (name: string) => ({ name, description: '', inputSchema: {}, isReadOnly: false });

/** The fake model, and tools that tell what they were called with. */
function perform(tools: string[], calls: string[] = []) {
  return (effect: Effect): Json => {
    if (effect.kind !== 'call') return null;
    if (effect.step === 'turn') return fakeTurn({ ...(effect.args as unknown as Question), tools: tools.map(tool) });
    calls.push(effect.task.call);
    if (effect.task.call.endsWith('broken')) throw WorkflowFault.of('runtime', 'it broke');
    return { did: effect.args };
  };
}
const workflow = (args: JsonObject) => ({ document, do: [{ work: { call: 'agent', with: args } }] });
const prompt = 'Work.\ncall fx__read {"n":1}\ncall fx__broken\ncall gh__delete {}';

describe('an agent', () => {
  it('calls tools turn by turn until it answers, and hears what went wrong', async () => {
    const calls: string[] = [];
    const run = new MemoryRun(workflow({ prompt, tools: ['fx__*'] }), {
      perform: perform(['fx__read', 'fx__broken'], calls),
    });
    const { ended } = (await run.finish()) ?? {};
    expect(ended).toMatchObject({ output: { text: expect.stringContaining('Work.') as string } });
    expect(calls).toEqual(['fx__read', 'fx__broken']);
    const said = JSON.stringify(run.events);
    expect(said).toContain('{\\"did\\":{\\"n\\":1}}');
    expect(said).toContain('error: it broke');
    expect(said).toContain('error: you may not call `gh__delete`');
  });

  it('does nothing again that a crash came after', async () => {
    for (let at = 1; at <= 12; at++) {
      const calls: string[] = [];
      const run = new MemoryRun(workflow({ prompt, tools: ['fx__*'] }), { perform: perform(['fx__read'], calls) });
      await run.finish([{ at, isWritten: true }]);
      expect(run.last?.ended).toBeDefined();
      const ends = run.events.flatMap((event) => (event.type === 'effect.completed' ? [event.path] : []));
      expect(new Set(ends).size).toBe(ends.length);
    }
  });

  it('may correct an answer that does not match its schema, once', async () => {
    const schema = { type: 'object', required: ['n'], properties: { n: { type: 'integer' } } };
    const answers = ['no JSON', '{"n":5}'];
    const perform = () => ({ text: answers.shift() ?? 'never', calls: [] });
    const good = await new MemoryRun(workflow({ prompt, tools: [], schema }), { perform }).finish();
    expect(good?.ended).toEqual({ output: { n: 5 } });
    const bad = await new MemoryRun(workflow({ prompt, tools: [], schema }), { perform }).finish();
    expect(bad?.ended).toMatchObject({ error: { status: 400, instance: '/do/0/work' } });
  });

  it('ends when it takes too many turns', async () => {
    const endless = () => ({ text: '', calls: [{ id: 'c', tool: 'gh__none', arguments: {} }] });
    const run = new MemoryRun(workflow({ prompt, tools: ['fx__*'], maxTurns: 3 }), { perform: endless });
    expect((await run.finish())?.ended).toMatchObject({
      error: { type: 'https://serverlessworkflow.io/spec/1.0.0/errors/runtime', instance: '/do/0/work' },
    });
    expect(run.events.filter(({ type }) => type === 'effect.scheduled')).toHaveLength(3);
  });

  it('of the template comes to a result and asks a person', async () => {
    const run = new MemoryRun(AUTONOMOUS_AGENT, {
      input: { goal: 'Look around.\ncall router__list_servers', tools: ['router__*'] },
      perform: perform(['router__list_servers']),
    });
    expect(await run.live()).toBe('parked');
    const asked = run.events.find(({ type }) => type === 'approval.requested');
    expect(asked).toMatchObject({ data: { message: expect.stringContaining('Accept this result?') as string } });
  });
});
