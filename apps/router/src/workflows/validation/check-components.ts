import { pointerTo } from '../definition/json';
import { didYouMean } from '../definition/nearest';
import type { Duration, ErrorDefinition, RetryPolicy, Timeout } from '../definition/workflow';
import type { Check, ExpressionPlace } from './check';
import { checkCondition } from './check-data';
import { BEFORE, type Surroundings } from './surroundings';
import { ANY, NEVER, type Type } from './types';

/** The entry of `use` that a name means. */
export function checkReference<K extends 'timeouts' | 'retries' | 'errors' | 'authentications' | 'functions'>(
  check: Check,
  kind: K,
  name: string,
  pointer: string,
): Check['workflow']['use'][K][string] | undefined {
  const components = check.workflow.use[kind];
  check.used.add(`${kind}/${name}`);
  if (Object.hasOwn(components, name)) return components[name] as Check['workflow']['use'][K][string];
  check.report('WF304', pointer, `\`use.${kind}\` has no \`${name}\``, {
    hint: didYouMean(name, Object.keys(components)),
  });
  return undefined;
}

/** A timeout in place or by name; gives the tightest one that now holds. */
export function checkTimeout(
  check: Check,
  timeout: Timeout | string | undefined,
  pointer: string,
  around: Surroundings,
): Surroundings['limit'] {
  if (timeout === undefined) return around.limit;
  const found = typeof timeout === 'string' ? checkReference(check, 'timeouts', timeout, pointer) : timeout;
  if (!found) return around.limit;
  const at = typeof timeout === 'string' ? pointer : pointerTo(pointer, 'after');
  const { after } = found;
  if ('expression' in after) {
    if (typeof timeout !== 'string')
      check.expression(after.expression, at, { data: ANY, given: BEFORE, variables: around.variables });
    return around.limit;
  }
  if (around.limit && after.ms > around.limit.ms) {
    const related = [{ pointer: around.limit.pointer, message: `The outer timeout of ${around.limit.ms} ms` }];
    check.report('WF604', at, `${after.ms} ms are longer than the ${around.limit.ms} ms around it`, { related });
    return around.limit;
  }
  return { ms: after.ms, pointer: at };
}

/** A wait, which a timeout around must not cut off for certain. */
export function checkDuration(
  check: Check,
  duration: Duration,
  pointer: string,
  place: ExpressionPlace,
  around: Surroundings,
): void {
  if ('expression' in duration) {
    check.expression(duration.expression, pointer, place);
    return;
  }
  if (around.limit && duration.ms > around.limit.ms) {
    const related = [{ pointer: around.limit.pointer, message: `The timeout of ${around.limit.ms} ms` }];
    check.report('WF604', pointer, `Waits ${duration.ms} ms, longer than the ${around.limit.ms} ms allowed`, {
      related,
    });
  }
}

/** A retry policy in place or by name. */
export function checkRetry(check: Check, retry: RetryPolicy | string, at: string, place: ExpressionPlace): void {
  const policy = typeof retry === 'string' ? checkReference(check, 'retries', retry, at) : retry;
  if (!policy) return;
  if (typeof retry !== 'string') checkRetryPolicy(check, retry, at, place);
  if (policy.limit.attempts === undefined && policy.limit.duration === undefined)
    check.report('WF607', at, 'Nothing ends the retries');
}

/** The expressions of a retry policy. */
export function checkRetryPolicy(check: Check, retry: RetryPolicy, at: string, place: ExpressionPlace): void {
  if (retry.when !== undefined) checkCondition(check, retry.when, pointerTo(at, 'when'), place);
  if (retry.exceptWhen !== undefined) checkCondition(check, retry.exceptWhen, pointerTo(at, 'exceptWhen'), place);
  const durations: [Duration | undefined, string][] = [
    [retry.delay, 'delay'],
    [retry.limit.duration, 'limit/duration'],
    [retry.limit.attemptDuration, 'limit/attempt/duration'],
    [retry.jitter?.from, 'jitter/from'],
    [retry.jitter?.to, 'jitter/to'],
  ];
  for (const [duration, name] of durations)
    if (duration && 'expression' in duration) check.expression(duration.expression, `${at}/${name}`, place);
}

/** An error in place or by name. */
export function checkRaise(check: Check, error: ErrorDefinition | string, at: string, place: ExpressionPlace): Type {
  if (typeof error === 'string') checkReference(check, 'errors', error, at);
  else check.template({ ...error }, at, { ...place, isKept: true });
  return NEVER;
}
