import { startSystem, type System } from '../system';
import { expectPassed, OAUTH_OF_2026, OWN_CREDENTIALS, SCENARIOS } from './client-scenarios';

describe('the client scenarios of the conformance suite, played by the router towards its upstreams', () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ discovery: 0, monitor: 0, analyzer: 0 });
  });
  afterAll(() => system.stop());

  it.each([...SCENARIOS, ...OAUTH_OF_2026, ...OWN_CREDENTIALS])('passes %s of %s', (scenario, version) =>
    expectPassed(system, [scenario, version]),
  );
});
