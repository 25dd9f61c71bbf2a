/** One resolution in which metrics are kept. */
export interface Tier {
  table: 'metric_10s' | 'metric_1m' | 'metric_1h';
  stepMs: number;
  keepDays: number;
}

const TEN_SECONDS: Tier = { table: 'metric_10s', stepMs: 10_000, keepDays: 2 };
const MINUTE: Tier = { table: 'metric_1m', stepMs: 60_000, keepDays: 14 };
const HOUR: Tier = { table: 'metric_1h', stepMs: 3_600_000, keepDays: 400 };

/** Finest first; each but the first is rolled up from the one before it. */
export const TIERS = [TEN_SECONDS, MINUTE, HOUR] as const;

export const FINEST = TEN_SECONDS;

const DAY_MS = 86_400_000;

/** The start of the bucket that holds `at`, in epoch milliseconds. */
export const bucketOf = (at: number, stepMs: number): number => Math.floor(at / stepMs) * stepMs;

/** The coarsest tier that is fine enough for the step and still holds the beginning; the coarsest of all for older times. */
export function tierFor(from: number, stepMs: number, now: number): Tier {
  const holding = TIERS.filter(({ keepDays }) => from >= now - keepDays * DAY_MS);
  return holding.findLast((tier) => tier.stepMs <= stepMs) ?? holding[0] ?? HOUR;
}
