import type { NewAlertRule } from '@mcp-router/shared';
import { groupOf, isExcepted } from '../metrics/grouping';
import { MAX_SERIES, seriesAtOnce, type MetricsStore } from '../metrics/metrics.store';
import { refuseUnfit, valueOf } from '../metrics/step';
import { FINEST, tierFor, type Tier } from '../metrics/tier';
import { Timeline } from './timeline';

/** A window has at least so many steps of the tier it is read from, as far as that is kept so finely. */
const STEPS_OF_WINDOW = 30;

/** What a rule looks at, for one combination of its labels. */
export interface Group {
  labels: Record<string, string>;
  /** What all series tell, and those that `except` leaves in. */
  all: Timeline;
  counted: Timeline;
  /** Resolution of both. */
  tier: Tier;
}

export interface GroupToRead extends Pick<Group, 'labels' | 'tier'> {
  series: { id: string; isCounted: boolean }[];
}

/**
 * Refuses a rule that asks its metric for what that kind of metric does not have. What kind it is, is known from the first
 * point: a rule for a metric that was never measured is taken.
 *
 * @throws AppError `invalid_request`
 */
export async function refuseUnfitRule(store: MetricsStore, rule: NewAlertRule): Promise<void> {
  const [series] = await store.findSeries(rule.metric, {}, 1);
  if (series) refuseUnfit(series, rule.ratio ? 'rate' : rule.aggregate);
}

/** The tier that tells a rule at any time of `[from, to]` what it wants to know. */
export function tierOf(rule: NewAlertRule, from: number): Tier {
  const { windowSeconds, shortWindowSeconds = windowSeconds } = rule;
  const [shortest, longest] = [windowSeconds, shortWindowSeconds].sort((a, b) => a - b) as [number, number];
  const wanted = Math.max(FINEST.stepMs, (shortest * 1000) / STEPS_OF_WINDOW);
  return tierFor(from - longest * 1000, wanted, Date.now());
}

/** The groups of a rule, not read yet: one a combination of its labels. */
export async function groupsOf(store: MetricsStore, rule: NewAlertRule, tier: Tier): Promise<GroupToRead[]> {
  const groups = new Map<string, GroupToRead>();
  for (const { id, labels } of await store.findSeries(rule.metric, rule.labels, MAX_SERIES)) {
    const group = groupOf(groups, labels, rule.by, (own): GroupToRead => ({ labels: own, tier, series: [] }));
    group.series.push({ id, isCounted: !isExcepted(labels, rule.except) });
  }
  return [...groups.values()];
}

/** Reads what a rule needs to be evaluated at any time of `[from, to]`, some groups at a time: as many as fit into memory. */
export async function* readGroups(
  store: MetricsStore,
  rule: NewAlertRule,
  groups: readonly GroupToRead[],
  from: number,
  to: number,
): AsyncGenerator<Group, void> {
  const begin = from - Math.max(rule.windowSeconds, rule.shortWindowSeconds ?? 0) * 1000;
  for (let i = 0; i < groups.length;) {
    const { tier } = groups[i] as GroupToRead;
    const atOnce = seriesAtOnce(tier, to - begin);
    const batch: (GroupToRead & Group)[] = [];
    for (let size = 0; i < groups.length && (batch.length === 0 || size < atOnce); i++) {
      const group = groups[i] as GroupToRead;
      size += group.series.length;
      batch.push({ ...group, all: new Timeline(), counted: new Timeline() });
    }
    await readAll(store, rule, batch, { tier, begin, to });
    yield* batch;
  }
}

async function readAll(
  store: MetricsStore,
  rule: NewAlertRule,
  groups: readonly (GroupToRead & Group)[],
  { tier, begin, to }: { tier: Tier; begin: number; to: number },
): Promise<void> {
  const all = groups.flatMap((group) => group.series.map((series) => ({ ...series, group })));
  // What is left out is only wanted as a part of a share.
  const wanted = new Map(all.filter(({ isCounted }) => isCounted || rule.ratio).map((one) => [one.id, one]));
  for await (const [id, points] of store.readInParts(tier, [...wanted.keys()], begin, to)) {
    const one = wanted.get(id);
    for (const point of points) {
      if (rule.ratio) one?.group.all.add(point);
      if (one?.isCounted) one.group.counted.add(point);
    }
  }
}

/**
 * The rule's measure over the window that ends at `at`; undefined when there is no data in it. A window that is shorter than
 * a step of what is kept is as long as that.
 */
export function valueAt(
  rule: NewAlertRule,
  { all, counted, tier }: Group,
  at: number,
  windowSeconds: number,
): number | undefined {
  const windowMs = Math.max(windowSeconds * 1000, tier.stepMs);
  const values = counted.within(at - windowMs, at);
  if (!rule.ratio) return values.count === 0 ? undefined : valueOf(values, rule.aggregate, windowMs);
  const whole = all.within(at - windowMs, at);
  if (whole.count === 0) return undefined;
  return values.count === 0 ? 0 : valueOf(values, 'rate', windowMs) / valueOf(whole, 'rate', windowMs);
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
