import { realTools } from './fixtures/real-servers';
import { scanCatalogue } from './scan';

it('raises no alarm on any tool of the public servers at hand', async () => {
  const tools = await realTools();
  const findings = scanCatalogue(tools);
  expect(tools.length).toBeGreaterThanOrEqual(100);
  // The one remark is true: the tool runs whatever code it is given, and its name says so.
  expect(findings.map(({ rule, tool }) => [rule.level, rule.id, tool])).toEqual([
    ['note', 'surface/over-broad-schema', 'browser_run_code_unsafe'],
  ]);
});
