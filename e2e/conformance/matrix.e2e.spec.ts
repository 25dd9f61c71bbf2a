import { startSystem, type System } from '../system';
import { expectedFailures } from './expected-failures';
import { runFirstSuite, runSuite, type Outcome } from './run';
import { startHttpUpstream, stdioUpstream } from './upstream';

const UPSTREAMS = [
  { era: 'old', transport: 'stdio' },
  { era: 'old', transport: 'http' },
  { era: 'new', transport: 'stdio' },
  { era: 'new', transport: 'http' },
] as const;

describe('the conformance suites through the whole system', () => {
  let system: System;
  const stops: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    system = await startSystem({ discovery: 0, monitor: 0, analyzer: 0 });
    for (const { era, transport } of UPSTREAMS) {
      const slug = `${era}-${transport}`;
      if (transport === 'stdio') {
        await system.addServer({ slug, ...stdioUpstream(era) });
      } else {
        const upstream = await startHttpUpstream(era);
        stops.push(() => upstream.stop());
        await system.addServer({ slug, type: 'http', url: upstream.url });
      }
    }
  });
  afterAll(async () => {
    await system.stop();
    await Promise.all(stops.map((stop) => stop()));
  });

  describe.each(UPSTREAMS)('before an $era upstream over $transport', ({ era, transport }) => {
    const url = () => `${system.url}/mcp/${era}-${transport}`;

    it('passes every check of the first suite', async () => {
      const outcome = await runFirstSuite(url());
      expect(faults(outcome)).toEqual([]);
      expect(outcome.code).toBe(0);
      // 44 directly; one looks for an event stream where the gateway answers JSON, as it may, and does not count then.
      expect(outcome.passed).toBeGreaterThanOrEqual(43);
    });

    it('passes every scored scenario for 2025-11-25', async () => {
      const outcome = await runSuite(url(), '2025-11-25');
      expect(unexpected(outcome, expectedFailures({ client: '2025-11-25', upstream: era }))).toEqual([]);
      // 84 directly; four look for an event stream where the gateway answers JSON, as it may, and do not count then.
      expect(outcome.passed).toBeGreaterThanOrEqual(80);
    });

    it('passes every scored scenario for 2026-07-28 but those that no router can', async () => {
      const outcome = await runSuite(url(), '2026-07-28');
      expect(outcome.scenarios.filter(({ isScored }) => isScored)).toHaveLength(37);
      const pairing = { client: '2026-07-28', upstream: era } as const;
      expect({ scenarios: outcome.scoredFailures, faults: unexpected(outcome, expectedFailures(pairing)) }).toEqual({
        scenarios: expectedFailures(pairing),
        faults: [],
      });
    });
  });
});

const faults = ({ scenarios }: Outcome): string[] =>
  scenarios.flatMap(({ name, failures }) => failures.map(({ id, message }) => `${name} ${id}: ${message}`));

const unexpected = (outcome: Outcome, expected: string[]): string[] =>
  faults({
    ...outcome,
    scenarios: outcome.scenarios.filter(({ name, isScored }) => isScored && !expected.includes(name)),
  });
