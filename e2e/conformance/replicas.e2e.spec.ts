import { startSystem, type System } from '../system';
import { runFirstSuite, runSuite, type Outcome } from './run';
import { startHttpUpstream } from './upstream';

const faults = ({ scenarios }: Outcome): string[] =>
  scenarios
    .filter(({ isScored }) => isScored)
    .flatMap(({ name, failures }) => failures.map(({ id, message }) => `${name} ${id}: ${message}`));

describe('the conformance suites through two gateways and two routers behind a plain round-robin', () => {
  let system: System;
  // One process behind both routers: over stdio each router would have a child of its own, and its state with it.
  let upstream: Awaited<ReturnType<typeof startHttpUpstream>>;
  beforeAll(async () => {
    system = await startSystem({ gateways: 2, routers: 2, discovery: 0, monitor: 0, analyzer: 0 });
    upstream = await startHttpUpstream('dual');
    await system.addServer({ slug: 'upstream', type: 'http', url: upstream.url });
  });
  afterAll(async () => {
    await system.stop();
    await upstream.stop();
  });

  it('passes every check of the first suite', async () => {
    const outcome = await runFirstSuite(`${system.url}/mcp/upstream`);
    expect(faults(outcome)).toEqual([]);
    expect(outcome.passed).toBeGreaterThanOrEqual(43);
  });

  it.each(['2025-11-25', '2026-07-28'] as const)('passes every scored scenario for %s', async (requirements) => {
    const outcome = await runSuite(`${system.url}/mcp/upstream`, requirements);
    expect(faults(outcome)).toEqual([]);
    expect(outcome.passed).toBeGreaterThanOrEqual(80);
  });
});
