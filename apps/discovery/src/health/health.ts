import type { HealthState } from '@mcp-router/shared';

/** What is known about the health of one server; instants are epoch milliseconds. Kept as JSON beside the server. */
export interface Health {
  readonly state: HealthState;
  readonly since: number;
  /** Failed and good observations in a row; one of the two is 0. */
  readonly failures: number;
  readonly successes: number;
  /** Grows by 1 whenever the server goes down and halves every `penaltyHalfLifeMs`. */
  readonly penalty: number;
  readonly penaltyAt: number;
  readonly lastOkAt: number | null;
  readonly nextProbeAt: number;
}

export interface Observation {
  readonly at: number;
  readonly ok: boolean;
  /** It answered, but took longer than a healthy server may. */
  readonly isSlow?: boolean;
  /** `traffic`: calls that passed through. A failed call is not believed by itself: it brings the next probe forward. */
  readonly via: 'probe' | 'traffic';
}

export interface HealthRules {
  /** Between two probes of a server that is well. */
  readonly intervalMs: number;
  /** Between two probes while the verdict is open. */
  readonly confirmMs: number;
  /** Longest time between two probes of a server that is down. */
  readonly maxBackoffMs: number;
  /** Failures in a row after which a server is down. */
  readonly downAfter: number;
  /** Good observations in a row after which it is up; more of them for one that flaps. */
  readonly upAfter: number;
  readonly penaltyHalfLifeMs: number;
  /** A server that was down this long is lost. */
  readonly lostAfterMs: number;
}

export const HEALTH_RULES: HealthRules = {
  intervalMs: 60_000,
  confirmMs: 2000,
  maxBackoffMs: 300_000,
  downAfter: 3,
  upAfter: 2,
  penaltyHalfLifeMs: 600_000,
  lostAfterMs: 3_600_000,
};

/** From this penalty on a server flaps: it went down three times within about ten minutes. */
const FLAPPING = 2;
const MOST_SUCCESSES_ASKED = 10;

export function newHealth(now: number): Health {
  return {
    state: 'unknown',
    since: now,
    failures: 0,
    successes: 0,
    penalty: 0,
    penaltyAt: now,
    lastOkAt: null,
    nextProbeAt: now,
  };
}

/** The penalty as it is now. */
function penaltyNow({ penalty, penaltyAt }: Health, now: number, { penaltyHalfLifeMs }: HealthRules): number {
  return penalty * 0.5 ** (Math.max(0, now - penaltyAt) / penaltyHalfLifeMs);
}

export function isFlapping(health: Health, now: number, rules: HealthRules = HEALTH_RULES): boolean {
  return penaltyNow(health, now, rules) >= FLAPPING;
}

/**
 * The health after one more observation.
 *
 * @param random 0 ≤ x < 1, spreads the next probe so that servers that failed together are not asked together
 */
export function observe(health: Health, observation: Observation, rules: HealthRules, random: number): Health {
  return observation.ok
    ? observeSuccess(health, observation, rules, random)
    : observeFailure(health, observation, rules, random);
}

function observeSuccess(health: Health, { at, isSlow }: Observation, rules: HealthRules, random: number): Health {
  const successes = health.successes + 1;
  const penalty = penaltyNow(health, at, rules);
  const wasDown = health.state === 'unhealthy' || health.state === 'lost';
  const damping = wasDown && penalty >= FLAPPING ? Math.ceil(penalty * 2) : 0;
  const asked = health.state === 'unknown' ? 1 : Math.min(MOST_SUCCESSES_ASKED, rules.upAfter + damping);
  const isUp = health.state === 'healthy' || successes >= asked;
  const state = isUp ? (isSlow ? 'degraded' : 'healthy') : health.state;
  const wait = isUp ? jitter(rules.intervalMs, random) : rules.confirmMs;
  return { ...health, ...enter(health, state, at), failures: 0, successes, lastOkAt: at, nextProbeAt: at + wait };
}

function observeFailure(health: Health, { at, via }: Observation, rules: HealthRules, random: number): Health {
  const isDown = health.state === 'unhealthy' || health.state === 'lost';
  if (via === 'traffic') return isDown ? health : { ...health, nextProbeAt: Math.min(health.nextProbeAt, at) };
  const failures = health.failures + 1;
  const seen = { ...health, failures, successes: 0 };
  if (isDown) {
    const state = health.state === 'unhealthy' && at - health.since >= rules.lostAfterMs ? 'lost' : health.state;
    return { ...seen, ...enter(health, state, at), nextProbeAt: at + backoff(failures, rules, random) };
  }
  if (failures >= rules.downAfter)
    return {
      ...seen,
      ...enter(health, 'unhealthy', at),
      penalty: penaltyNow(health, at, rules) + 1,
      penaltyAt: at,
      nextProbeAt: at + backoff(failures, rules, random),
    };
  const state = health.state === 'healthy' && failures === rules.downAfter - 1 ? 'degraded' : health.state;
  return { ...seen, ...enter(health, state, at), nextProbeAt: at + rules.confirmMs };
}

function enter(health: Health, state: HealthState, at: number): Pick<Health, 'state' | 'since'> {
  return state === health.state ? { state, since: health.since } : { state, since: at };
}

/** 90 to 110 percent. */
function jitter(ms: number, random: number): number {
  return Math.round(ms * (0.9 + 0.2 * random));
}

/** Doubles with each failure past the verdict, up to the limit; between half of it and all of it. */
function backoff(failures: number, { confirmMs, downAfter, maxBackoffMs }: HealthRules, random: number): number {
  const ms = Math.min(maxBackoffMs, confirmMs * 2 ** Math.min(30, failures - downAfter + 1));
  return Math.round(ms * (0.5 + 0.5 * random));
}
