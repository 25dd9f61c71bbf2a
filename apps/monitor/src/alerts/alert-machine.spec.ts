import fc from 'fast-check';
import { advance, type AlertStatus, type Timing } from './alert-machine';

interface Tick {
  at: number;
  holds: boolean | null;
}

/** The states after each tick, by the machine. */
function run(ticks: readonly Tick[], timing: Timing): (AlertStatus | undefined)[] {
  let status: AlertStatus | undefined;
  return ticks.map(({ at, holds }) => (status = advance(status, holds, at, timing)));
}

/**
 * Whether it fires after tick `i`, straight from the definition: it held for long enough up to some tick, and since then
 * it was not over for long enough.
 */
function firesAt(ticks: readonly Tick[], i: number, { forSeconds, keepFiringSeconds }: Timing): boolean {
  const news = ticks.slice(0, i + 1).filter(({ holds }) => holds !== null);
  /** How long, at tick `j`, the condition has had its value without a break. */
  const runLength = (j: number, from: number): number => {
    let first = j;
    while (first > from && news[first - 1]?.holds === news[j]?.holds) first--;
    return ((news[j]?.at ?? 0) - (news[first]?.at ?? 0)) / 1000;
  };
  return news.some(
    (tick, j) =>
      tick.holds &&
      runLength(j, 0) >= forSeconds &&
      !news.some((other, m) => m > j && !other.holds && runLength(m, j + 1) >= keepFiringSeconds),
  );
}

const ticksOf = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.constantFrom(true, true, false, false, null)), { maxLength: 60 })
  .map((steps) => {
    let at = 1_000_000;
    return steps.map(([seconds, holds]) => ({ at: (at += seconds * 1000), holds }));
  });
const timings = fc.record({
  forSeconds: fc.constantFrom(0, 15, 60),
  keepFiringSeconds: fc.constantFrom(0, 15, 60),
});

it('fires exactly when the definition says', () => {
  fc.assert(
    fc.property(ticksOf, timings, (ticks, timing) => {
      const states = run(ticks, timing);
      ticks.forEach((_, i) => expect(states[i]?.state === 'firing').toBe(firesAt(ticks, i, timing)));
    }),
    { numRuns: 2_000 },
  );
});

it('moves only from nothing or resolved to pending or firing, and to resolved from firing alone', () => {
  fc.assert(
    fc.property(ticksOf, timings, (ticks, timing) => {
      let before: AlertStatus | undefined;
      for (const status of run(ticks, timing)) {
        if (status?.state === 'resolved' && before?.state !== 'resolved') expect(before?.state).toBe('firing');
        if (status?.state === 'pending') expect(before?.state).not.toBe('firing');
        if (before?.state === 'firing') expect(['firing', 'resolved']).toContain(status?.state);
        before = status;
      }
    }),
  );
});

it('neither fires nor resolves because the clock went back', () => {
  const timing = { forSeconds: 60, keepFiringSeconds: 60 };
  const pending = advance(undefined, true, 100_000, timing);
  expect(advance(pending, true, 10_000, timing)).toEqual({ state: 'pending', since: 10_000, quietSince: null });
  const firing: AlertStatus = { state: 'firing', since: 0, quietSince: 100_000 };
  expect(advance(firing, false, 10_000, timing)).toEqual({ state: 'firing', since: 0, quietSince: 10_000 });
});
