import { runFirstSuite, runSuite } from './run';
import { startHttpUpstream } from './upstream';

describe('the conformance upstream, asked directly', () => {
  let upstream: Awaited<ReturnType<typeof startHttpUpstream>>;
  beforeAll(async () => {
    upstream = await startHttpUpstream('dual');
  });
  afterAll(() => upstream.stop());

  it('passes every check of the first suite', async () => {
    expect(await runFirstSuite(upstream.url)).toMatchObject({ code: 0, passed: 44, failed: 0 });
  });

  it('passes every check of the second suite for 2025-11-25', async () => {
    expect(await runSuite(upstream.url, '2025-11-25')).toMatchObject({ code: 0, passed: 84, failed: 0 });
  });

  it('passes every scored check for 2026-07-28; it does not offer the tasks extension', async () => {
    const { code, scoredFailures, scenarios } = await runSuite(upstream.url, '2026-07-28');
    expect({ code, scoredFailures }).toEqual({ code: 0, scoredFailures: [] });
    const failing = scenarios.filter(({ failures }) => failures.length > 0).map(({ name }) => name);
    expect(failing.filter((name) => !name.startsWith('tasks-'))).toEqual([]);
  });
});
