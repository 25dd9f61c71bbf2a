import { AppError, type AlertRuleTest, type AlertState, type NewAlertRule } from '@mcp-router/shared';
import type { MetricsStore } from '../metrics/metrics.store';
import { bucketOf } from '../metrics/tier';
import { advance, type AlertStatus } from './alert-machine';
import { evaluate, readGroups } from './measure';

const STEPS = 500;
const MIN_STEP_MS = 10_000;
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
  const stepMs = Math.max(MIN_STEP_MS, Math.ceil((to - from) / STEPS / MIN_STEP_MS) * MIN_STEP_MS);
  const transitions: AlertRuleTest['transitions'] = [];
  let firingSeconds = 0;
  for (const group of await readGroups(store, rule, from, to)) {
    let status: AlertStatus | undefined;
    let before: AlertState | undefined;
    for (let at = bucketOf(from, stepMs); at <= to; at += stepMs) {
      const { holds, value } = evaluate(rule, group, at);
      status = advance(status, holds, at, rule);
      if (status?.state === 'firing') firingSeconds += stepMs / 1000;
      if (status && status.state !== before && transitions.length < MAX_TRANSITIONS)
        transitions.push({ at: new Date(at).toISOString(), labels: group.labels, state: status.state, value });
      before = status?.state;
    }
  }
  return {
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    stepSeconds: stepMs / 1000,
    transitions: transitions.sort((a, b) => (a.at < b.at ? -1 : 1)),
    firingSeconds,
  };
}
