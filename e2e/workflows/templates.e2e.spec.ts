import { eventually, startSystem, type System } from '../system';

interface Run {
  id: string;
  state: string;
  output: Record<string, unknown> | null;
  error: unknown;
}

/** What each template is given, and what of its output must be there. */
const INPUTS: Record<string, object> = {
  chain: { topic: 'durable workflows' },
  route: { request: 'Where is my order?' },
  'parallel-vote': { text: 'A text to judge.' },
  'orchestrator-workers': { task: 'Compare three databases.' },
  'evaluator-optimizer': { brief: 'A haiku about queues.' },
  'autonomous-agent': { goal: 'See what is there.\ncall router__list_servers {}' },
};

describe('the templates, with the model that is none', () => {
  let system: System;
  const templates = new Map<string, string>();
  beforeAll(async () => {
    system = await startSystem({ discovery: 0, monitor: 0, analyzer: 0, env: { LLM_MODEL: 'fake' } });
    const { body } = await system.api<{ items: { name: string; yaml: string }[] }>(
      'GET',
      '/api/v1/workflows/templates',
    );
    for (const { name, yaml } of body.items) templates.set(name, yaml);
  });
  afterAll(() => system.stop());

  it('are those that are tried here', () => {
    expect([...templates.keys()].sort()).toEqual(Object.keys(INPUTS).sort());
  });

  it.each(Object.entries(INPUTS))('%s comes to an end', async (name, input) => {
    expect(await system.api('POST', '/api/v1/workflows', { definition: templates.get(name) })).toMatchObject({
      status: 201,
    });
    const path = `/api/v1/workflows/templates/${name}`;
    expect(await system.api('POST', `${path}/versions/1.0.0/publish`)).toMatchObject({ status: 200 });
    const { body } = await system.api<Run>('POST', `${path}/runs`, { input });
    let run: Run = body;
    await eventually(
      async () => {
        run = (await system.api<Run>('GET', `/api/v1/runs/${body.id}`)).body;
        if (run.state === 'waiting') await answer(run.id);
        return run.state === 'completed';
      },
      60_000,
      () => JSON.stringify(run),
    );
    expect(run.output).not.toBeNull();
  });

  it('are there for agents too', async () => {
    const call = async (tool: string, args: object) => {
      const { body } = await system.api<{ isError?: boolean; structuredContent?: Record<string, unknown> }>(
        'POST',
        `/api/v1/tools/router__${tool}/call`,
        { arguments: args },
      );
      return body;
    };
    const { structuredContent: list } = await call('list_workflow_templates', {});
    expect((list?.['items'] as { name: string }[]).map(({ name }) => name).sort()).toEqual(
      [...templates.keys()].sort(),
    );
    const { structuredContent: chain } = await call('get_workflow_template', { name: 'chain' });
    expect(chain).toMatchObject({ name: 'chain', yaml: templates.get('chain') });
    expect(await call('get_workflow_template', { name: 'chains' })).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('list_workflow_templates') as string }],
    });
  });

  /** Says yes to whatever a run asks. */
  async function answer(run: string): Promise<void> {
    interface Approval {
      id: string;
      run: string;
    }
    const { body } = await system.api<{ items: Approval[] }>('GET', '/api/v1/approvals');
    for (const approval of body.items)
      if (approval.run === run)
        await system.api('POST', `/api/v1/approvals/${approval.id}`, { approve: true, answer: { accept: true } });
  }
});
