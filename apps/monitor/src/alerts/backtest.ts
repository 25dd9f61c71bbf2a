import { setImmediate as turn } from 'node:timers/promises';
import { AppError, type AlertRuleTest, type AlertState, type NewAlertRule } from '@mcp-router/shared';
import type { MetricsStore } from '../metrics/metrics.store';
import { bucketOf, type Tier } from '../metrics/tier';
import { advance, type AlertStatus } from './alert-machine';
import { evaluate, groupsOf, readGroups, tierOf } from './measure';

/** At least so many, as far as metrics are kept so finely; and so many in the shortest time that the rule knows of. */
const STEPS = 500;
const STEPS_OF_SHORTEST = 5;
const MAX_EVALUATIONS = 1_000_000;
const MAX_TRANSITIONS = 1_000;
const MAX_DAYS = 14;

/** What a rule would have done on the metrics that are kept. @throws AppError `invalid_request`, `limit_exceeded` */
export async function backtest(
  store: MetricsStore,
  rule: NewAlertRule,
  from: number,
  to: number,
): Promise<AlertRuleTest> {
  if (to <= from) throw new AppError('invalid_request', '"to" must be later than "from"');
  if (to - from > MAX_DAYS * 86_400_000)
    throw new AppError('limit_exceeded', `A rule is tested on at most ${MAX_DAYS} days`);
  const tier = tierOf(rule, from);
  const stepMs = stepOf(rule, tier, to - from);
  const groups = await groupsOf(store, rule, tier);
  if ((groups.length * (to - from)) / stepMs > MAX_EVALUATIONS) {
    throw new AppError('limit_exceeded', `At most ${MAX_EVALUATIONS} evaluations, of ${groups.length} groups`, {
      hint: 'Test a shorter time, name label values, or group by fewer labels',
    });
  }
  const transitions: AlertRuleTest['transitions'] = [];
  let firingSeconds = 0;
  for await (const group of readGroups(store, rule, groups, from, to)) {
    // What else the service has to do comes in between.
    await turn();
    let status: AlertStatus | undefined;
    let before: AlertState | undefined;
    for (let at = bucketOf(from, stepMs); at <= to; at += stepMs) {
      const { holds, value } = evaluate(rule, group, at);
      status = advance(status, holds, at, rule);
      if (status?.state === 'firing') firingSeconds += stepMs / 1000;
      if (status && status.state !== before)
        transitions.push({ at: new Date(at).toISOString(), labels: group.labels, state: status.state, value });
      before = status?.state;
    }
  }
  return {
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    stepSeconds: stepMs / 1000,
    tierSeconds: tier.stepMs / 1000,
    transitions: transitions.sort((a, b) => (a.at < b.at ? -1 : 1)).slice(0, MAX_TRANSITIONS),
    firingSeconds,
  };
}

/** How far apart a rule is evaluated: no window, and no time that it waits, lies between two evaluations. */
function stepOf(rule: NewAlertRule, tier: Tier, lengthMs: number): number {
  const { windowSeconds, shortWindowSeconds = windowSeconds, forSeconds } = rule;
  const shortest = Math.min(windowSeconds, shortWindowSeconds, forSeconds || Infinity) * 1000;
  const wanted = Math.min(lengthMs / STEPS, shortest / STEPS_OF_SHORTEST);
  return Math.max(1, Math.floor(wanted / tier.stepMs)) * tier.stepMs;
}
