import { ExponentialHistogram, type NewAlertRule } from '@mcp-router/shared';
import type { MetricsStore } from '../metrics/metrics.store';
import { isExcepted, valueOf } from '../metrics/metrics.service';
import type { StoredPoint } from '../metrics/point';
import { FINEST, tierFor } from '../metrics/tier';

const MAX_SERIES = 5_000;

/** What a rule looks at, for one combination of its labels. */
export interface Group {
  labels: Record<string, string>;
  /** All points, and those of series that `except` leaves in. */
  all: StoredPoint[];
  counted: StoredPoint[];
}

/** Reads what a rule needs to be evaluated at any time of `[from, to]`. */
export async function readGroups(store: MetricsStore, rule: NewAlertRule, from: number, to: number): Promise<Group[]> {
  const series = await store.findSeries(rule.metric, rule.labels, MAX_SERIES);
  const begin = from - Math.max(rule.windowSeconds, rule.shortWindowSeconds ?? 0) * 1000;
  const tier = tierFor(begin, FINEST.stepMs, Date.now());
  const points = await store.read(
    tier,
    series.map(({ id }) => id),
    begin,
    to,
  );
  const groups = new Map<string, Group>();
  for (const { id, labels } of series) {
    const own = Object.fromEntries(rule.by.map((name) => [name, labels[name] ?? '']));
    const key = JSON.stringify(own);
    const group = groups.get(key) ?? { labels: own, all: [], counted: [] };
    const isCounted = !isExcepted(labels, rule.except);
    for (const point of points.get(id) ?? []) {
      group.all.push(point);
      if (isCounted) group.counted.push(point);
    }
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** The rule's measure over the window that ends at `at`; undefined when there is no data in it. */
export function valueAt(rule: NewAlertRule, group: Group, at: number, windowSeconds: number): number | undefined {
  const windowMs = windowSeconds * 1000;
  const merged = (points: readonly StoredPoint[]) => {
    const histogram = new ExponentialHistogram();
    for (const point of points) if (point.at >= at - windowMs && point.at < at) histogram.merge(point);
    return histogram;
  };
  const counted = merged(group.counted);
  if (!rule.ratio) return counted.count === 0 ? undefined : valueOf(counted, rule.aggregate, windowMs);
  const all = merged(group.all);
  if (all.count === 0) return undefined;
  return counted.count === 0 ? 0 : valueOf(counted, 'rate', windowMs) / valueOf(all, 'rate', windowMs);
}

/** Whether the rule's condition holds at `at`; null: no news. */
export function evaluate(
  rule: NewAlertRule,
  group: Group,
  at: number,
): { holds: boolean | null; value: number | null } {
  const value = valueAt(rule, group, at, rule.windowSeconds);
  if (value === undefined) return { holds: rule.noData === 'keep' ? null : rule.noData === 'alert', value: null };
  const crosses = (x: number | undefined) =>
    x !== undefined && (rule.comparison === 'above' ? x > rule.threshold : x < rule.threshold);
  const { shortWindowSeconds } = rule;
  const isStill = shortWindowSeconds === undefined || crosses(valueAt(rule, group, at, shortWindowSeconds));
  return { holds: crosses(value) && isStill, value };
}
