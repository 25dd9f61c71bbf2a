import { isDeepStrictEqual } from 'node:util';
import { isObject, type Json } from '../definition/json';
import { isExpression } from '../definition/reader';
import type { EventFilter, EventStrategy } from '../definition/workflow';

/** How expressions in filters are evaluated where they stand. */
export interface FilterScope {
  evaluate(text: string, data: Json): Json | Promise<Json>;
  /** A value in which texts may be expressions, on the input of the task. */
  resolve(value: Json): Json | Promise<Json>;
}

export function filtersOf(strategy: EventStrategy): EventFilter[] {
  return strategy.kind === 'one' ? [strategy.one] : strategy.kind === 'all' ? strategy.all : strategy.any;
}

/** Whether an event fits one of the filters. No filters fit everything. */
export async function matchesAny(filters: readonly EventFilter[], event: Json, scope: FilterScope): Promise<boolean> {
  if (filters.length === 0) return true;
  for (const filter of filters) if (await matches(filter, event, scope)) return true;
  return false;
}

/** Whether the attributes of a CloudEvent are as the filter wants them, and what it correlates as expected. */
export async function matches(filter: EventFilter, event: Json, scope: FilterScope): Promise<boolean> {
  if (!isObject(event)) return false;
  for (const [name, wanted] of Object.entries(filter.with)) {
    const value = event[name] ?? null;
    if (typeof wanted === 'string' && isExpression(wanted)) {
      // An expression is a condition on the attribute, or the value that it must have.
      const result = await scope.evaluate(wanted, value);
      if (result !== true && !isDeepStrictEqual(result, value)) return false;
    } else if (!isDeepStrictEqual(await scope.resolve(wanted), value)) return false;
  }
  for (const { from, expect } of Object.values(filter.correlate)) {
    if (expect === undefined) continue;
    const value = await scope.evaluate(from, event['data'] ?? null);
    const wanted = isExpression(expect) ? await scope.resolve(expect) : expect;
    if (!isDeepStrictEqual(value, wanted)) return false;
  }
  return true;
}

/** What events of one gathering have in common: the values that the filter takes out of this one, as text. */
export async function correlationOf({ correlate }: EventFilter, event: Json, scope: FilterScope): Promise<string> {
  const data = isObject(event) ? (event['data'] ?? null) : null;
  const values: Json[] = [];
  for (const name of Object.keys(correlate).sort())
    values.push(name, await scope.evaluate(correlate[name]?.from ?? '.', data));
  return values.length === 0 ? '' : JSON.stringify(values);
}
