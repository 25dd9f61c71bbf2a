import { openTestDatabase } from '@mcp-router/platform/testing';
import { ROUTER_DATABASE } from '../testing/engine-parts';
import { CrashTrial } from './testing/crash-trial';

describe('random workflows that are cut off at random moments', () => {
  let opened: Awaited<ReturnType<typeof openTestDatabase>>;
  beforeAll(async () => {
    opened = await openTestDatabase(ROUTER_DATABASE);
  });
  afterAll(() => opened.close());

  it('put out what the reference does, with the same effects, 10,000 times', async () => {
    const trial = new CrashTrial(opened.database);
    const { crashes, uncertain } = await trial.run({ seed: 2, cases: 10_000, together: 250 });
    expect(crashes).toBeGreaterThan(100);
    expect(uncertain).toBeGreaterThan(100);
  }, 600_000);
});
