import { join } from 'node:path';
import { startSystem, type System } from '../system';
import { runClientScenario, type Requirements } from './run';

const SCENARIOS: readonly [scenario: string, version: Requirements][] = [
  ['initialize', '2025-11-25'],
  ['tools_call', '2025-11-25'],
  ['sse-retry', '2025-11-25'],
  ['elicitation-sep1034-client-defaults', '2025-11-25'],
  ['json-schema-2020-12-preservation', '2025-11-25'],
  ['tools_call', '2026-07-28'],
  ['request-metadata', '2026-07-28'],
  ['sep-2322-client-request-state', '2026-07-28'],
  ['http-standard-headers', '2026-07-28'],
  ['http-custom-headers', '2026-07-28'],
  ['http-invalid-tool-headers', '2026-07-28'],
  ['json-schema-ref-no-deref', '2026-07-28'],
  ['json-schema-2020-12-preservation', '2026-07-28'],
];

describe('the client scenarios of the conformance suite, played by the router towards its upstreams', () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ discovery: 0, monitor: 0, analyzer: 0 });
  });
  afterAll(() => system.stop());

  it.each(SCENARIOS)('passes %s of %s', async (scenario, version) => {
    const command = `"${process.execPath}" "${join(__dirname, 'client-driver.mjs')}"`;
    const env = { SYSTEM_URL: system.url, SYSTEM_KEY: system.key };
    const { scenarios, output } = await runClientScenario(scenario, { command, version, env });
    const faults = scenarios.flatMap(({ failures }) => failures.map(({ id, message }) => `${id}: ${message}`));
    expect({ faults, output: faults.length > 0 ? output : '' }).toEqual({ faults: [], output: '' });
    expect(scenarios.reduce((sum, { passed }) => sum + passed, 0)).toBeGreaterThan(0);
  });
});
