import { openTestDatabase } from '@mcp-router/platform/testing';
import { ROUTER_DATABASE } from '../testing/engine-parts';
import { KINDS, OneRun } from './testing/one-run';

describe('a process that ends at a commit', () => {
  let opened: Awaited<ReturnType<typeof openTestDatabase>>;
  beforeAll(async () => {
    opened = await openTestDatabase(ROUTER_DATABASE);
  });
  afterAll(() => opened.close());

  it.each(Object.entries(KINDS))('loses and repeats nothing of `%s`, whichever commit it is', async (name, tasks) => {
    const run = new OneRun(opened.database, name, tasks);
    const calm = await run.go();
    expect(calm.commits).toBeGreaterThan(0);
    for (let at = 1; at <= calm.commits; at++)
      for (const isWritten of [false, true]) {
        const cut = await run.go({ at, isWritten });
        const where = `${isWritten ? 'after' : 'before'} commit ${at} of ${calm.commits}`;
        expect({ where, state: cut.state, result: cut.result }).toEqual({
          where,
          state: calm.state,
          result: calm.result,
        });
        // Which of two branches is first is open.
        const order = (effects: string[]) => (name === 'fork' ? [...effects].sort() : effects);
        expect({ where, effects: order(cut.effects) }).toEqual({ where, effects: order(calm.effects) });
        expect({ where, twice: cut.twice }).toEqual({ where, twice: [] });
        expect(await run.leftovers()).toEqual({ signals: 0, approvals: 0, listeners: 0 });
      }
  });
});
