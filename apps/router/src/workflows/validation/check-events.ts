import { pointerTo } from '../definition/json';
import type { EventFilter, EventStrategy } from '../definition/workflow';
import type { Check, ExpressionPlace } from './check';
import { checkCondition } from './check-data';
import { ANY } from './types';

/** Which events are listened for, and until when. */
export function checkStrategy(check: Check, strategy: EventStrategy, at: string, place: ExpressionPlace): void {
  const filters = strategy.kind === 'one' ? [strategy.one] : strategy.kind === 'all' ? strategy.all : strategy.any;
  filters.forEach((filter, index) => {
    checkEventFilter(
      check,
      filter,
      strategy.kind === 'one' ? pointerTo(at, 'one') : `${at}/${strategy.kind}/${index}`,
      place,
    );
  });
  if (strategy.kind !== 'any' || strategy.until === undefined) return;
  const untilAt = pointerTo(at, 'until');
  if (typeof strategy.until === 'string') checkCondition(check, strategy.until, untilAt, { ...place, data: ANY });
  else checkStrategy(check, strategy.until, untilAt, place);
}

function checkEventFilter(check: Check, filter: EventFilter, at: string, place: ExpressionPlace): void {
  check.template(filter.with, pointerTo(at, 'with'), { ...place, data: ANY });
  for (const [name, { from, expect }] of Object.entries(filter.correlate)) {
    const correlateAt = pointerTo(pointerTo(at, 'correlate'), name);
    check.expression(from, pointerTo(correlateAt, 'from'), { ...place, data: ANY });
    if (expect !== undefined) check.template(expect, pointerTo(correlateAt, 'expect'), place);
  }
}
