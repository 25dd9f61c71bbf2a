import type { Bus } from '@mcp-router/platform';
import { openTestDatabase } from '@mcp-router/platform/testing';
import { SYSTEM_PRINCIPAL, type Principal } from '@mcp-router/shared';
import { ApprovalsService } from './approvals.service';
import type { JsonObject } from './definition/json';
import { ROUTER_DATABASE } from './testing/engine-parts';
import { workflowDatabase, WorkflowRouter, type WorkflowDatabase } from './testing/workflow-router';

const member = (agentId: string): Principal => ({ ...SYSTEM_PRINCIPAL, agentId, agent: agentId, role: 'member' });

describe('approvals', () => {
  let db: WorkflowDatabase;
  let router: WorkflowRouter;
  let approvals: ApprovalsService;
  beforeAll(async () => {
    db = workflowDatabase(await openTestDatabase(ROUTER_DATABASE));
    router = await new WorkflowRouter(db).start();
    const bus = { record: () => undefined } as unknown as Bus;
    approvals = new ApprovalsService(db.database, router.engine, bus);
  });
  afterAll(async () => {
    await router.stop();
    await db.close();
  });

  /** A run that asks. */
  async function asking(name: string, args: JsonObject): Promise<string> {
    await router.publish(name, [{ ask: { call: 'approve', with: { message: 'Go on?', timeout: 'P1D', ...args } } }]);
    const id = await router.run(name);
    await router.until(id, 'waiting');
    return id;
  }
  const openTo = async (principal: Principal, run: string) =>
    (await approvals.list({ status: 'pending', limit: 100 }, principal)).items.find((item) => item.run === run);

  it('are shown to and decided by those whom they ask, and administrators', async () => {
    const run = await asking('assigned', { assignees: ['ann'] });
    const approval = await openTo(member('ann'), run);
    expect(approval).toMatchObject({ assignees: ['ann'], status: 'pending', due: expect.any(String) as string });
    expect((await openTo(SYSTEM_PRINCIPAL, run))?.id).toBe(approval?.id);
    expect(await openTo(member('bob'), run)).toBeUndefined();
    const id = approval?.id ?? '';
    await expect(approvals.decide(id, { approve: true }, member('bob'))).rejects.toMatchObject({ code: 'not_found' });
    expect(await approvals.decide(id, { approve: true }, member('ann'))).toMatchObject({
      status: 'approved',
      decidedBy: 'ann',
    });
    expect(await router.until(run, 'completed')).toMatchObject({ output: { approved: true } });
    await expect(approvals.decide(id, { approve: false }, member('ann'))).rejects.toMatchObject({ code: 'conflict' });
  });

  it('are for everybody when they name nobody', async () => {
    const run = await asking('open', {});
    expect(await openTo(member('bob'), run)).toBeDefined();
  });

  it('fault the run with who rejected it and why', async () => {
    const run = await asking('rejected', {});
    const approval = await openTo(member('bob'), run);
    await approvals.decide(approval?.id ?? '', { approve: false, comment: 'too early' }, member('bob'));
    expect((await router.until(run, 'faulted')).error).toMatchObject({
      status: 403,
      instance: '/do/0/ask',
      detail: 'bob rejected it: too early',
    });
  });

  it('are closed with the run that asked', async () => {
    const run = await asking('closed', {});
    const approval = await openTo(SYSTEM_PRINCIPAL, run);
    await router.runs.control(run, 'cancel', SYSTEM_PRINCIPAL);
    await router.until(run, 'cancelled');
    const { items } = await approvals.list({ status: 'closed', limit: 100 }, SYSTEM_PRINCIPAL);
    expect(items.map(({ id }) => id)).toContain(approval?.id);
    await expect(approvals.decide(approval?.id ?? '', { approve: true }, SYSTEM_PRINCIPAL)).rejects.toMatchObject({
      code: 'conflict',
    });
  });
});
