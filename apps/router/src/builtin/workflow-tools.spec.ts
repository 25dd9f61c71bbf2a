import { AppError, listWorkflowTemplates, SYSTEM_PRINCIPAL, type Principal } from '@mcp-router/shared';
import type { Bus } from '@mcp-router/platform';
import { TEMPLATES } from '../workflows/templates/templates';
import { isForRole } from './builtin-tool';
import { WORKFLOW_TOOLS } from './workflow-tools';

const MEMBER: Principal = { ...SYSTEM_PRINCIPAL, agentId: 'ann', agent: 'ann', role: 'member' };

/** Calls a tool over a bus that keeps what is asked, and by whom. */
function call(name: string, input: object) {
  const asked: { name: string; input: object; principal: Principal | undefined }[] = [];
  const bus = {
    call: (
      contract: { pattern: string },
      request: { name?: string },
      options: { context: { principal: Principal } },
    ) => {
      asked.push({ name: contract.pattern, input: request, principal: options.context.principal });
      const items = TEMPLATES.filter((template) => request.name === undefined || template.name === request.name);
      return Promise.resolve(contract.pattern === listWorkflowTemplates.pattern ? { items } : {});
    },
  } as unknown as Bus;
  const tool = WORKFLOW_TOOLS.find((candidate) => candidate.name === name);
  if (!tool) throw new Error(`There is no tool ${name}`);
  const output = tool.run(tool.inputSchema.parse(input), {
    bus,
    principal: MEMBER,
    signal: new AbortController().signal,
  });
  return { output, asked };
}

describe('the tools for workflows', () => {
  it('let members do all but change definitions', () => {
    const hidden = WORKFLOW_TOOLS.filter((tool) => !isForRole(tool, 'member')).map(({ name }) => name);
    expect(hidden).toEqual(['save_workflow', 'publish_workflow']);
  });

  it('say of what reads only that it does, and of what may run tools that it may destroy', () => {
    const names = (isReading: boolean) =>
      WORKFLOW_TOOLS.filter(({ annotations }) => annotations.readOnlyHint === isReading).map(({ name }) => name);
    expect(names(true).every((name) => /^(list|get|watch|validate)_/.test(name))).toBe(true);
    expect(names(false)).toEqual(expect.arrayContaining(['run_workflow', 'fork_run', 'decide_run', 'control_run']));
    for (const { name, annotations } of WORKFLOW_TOOLS)
      if (/^(run|fork|decide|control)_/.test(name))
        expect({ name, ...annotations }).toMatchObject({ destructiveHint: true });
  });

  it('fork a run as who calls', async () => {
    const run = '01a20000-0000-7000-8000-000000000000';
    const { output, asked } = call('fork_run', { run, task: '/do/1', input: { n: 1 } });
    await output;
    expect(asked).toEqual([
      { name: 'router.forkRun', input: { run, task: '/do/1', input: { n: 1 } }, principal: MEMBER },
    ]);
  });

  it('list the templates in short, and give one with its text', async () => {
    const { items } = (await call('list_workflow_templates', {}).output) as { items: object[] };
    expect(items).toHaveLength(TEMPLATES.length);
    for (const item of items) expect(Object.keys(item)).toEqual(['name', 'title', 'summary']);
    expect(await call('get_workflow_template', { name: 'route' }).output).toMatchObject({
      yaml: expect.stringContaining('name: route') as string,
    });
    await expect(call('get_workflow_template', { name: 'rout' }).output).rejects.toThrow(AppError);
  });
});
