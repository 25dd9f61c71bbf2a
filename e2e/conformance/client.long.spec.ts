import { startSystem, type System } from '../system';
import { expectPassed, OAUTH_OF_2025 } from './client-scenarios';

describe('the OAuth scenarios of the conformance suite as of 2025-11-25, played by the router', () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ discovery: 0, monitor: 0, analyzer: 0 });
  });
  afterAll(() => system.stop());

  it.each(OAUTH_OF_2025)('passes %s of %s', (scenario, version) => expectPassed(system, [scenario, version]));
});
