import { ExponentialHistogram, type HistogramData, type Metric } from '@mcp-router/shared';
import { FEW, OTHER } from './metrics';

/** A metric of one instance, with the labels that tell the instance. */
export interface LabelledMetric extends Metric {
  common: Record<string, string>;
}

export interface FoldedSeries {
  labels: Record<string, string>;
  value?: number | undefined;
  histogram?: HistogramData | undefined;
}

/** A metric with the series of all instances. */
export interface FoldedFamily {
  name: string;
  type: Metric['type'];
  help: string;
  labelNames: readonly string[];
  series: FoldedSeries[];
}

/**
 * Brings the series of all instances to at most `budget`. Small families stay whole; of large ones the series that were
 * there first stay, and the rest become one of each service and of the values of labels that have few, with the sum of what
 * they counted: nothing is lost, and what stays is the same from one reading to the next.
 *
 * @param widthOf how much of the budget one series of a family takes
 * @returns also how many series were folded
 */
export function foldSeries(
  all: readonly LabelledMetric[],
  budget: number,
  widthOf: (family: FoldedFamily) => number,
): { families: FoldedFamily[]; folded: number } {
  const families = familiesOf(all);
  const cap = capFor(
    families.map((family) => family.series.length * widthOf(family)),
    budget,
  );
  let folded = 0;
  for (const family of families) {
    const places = Math.floor(cap / widthOf(family));
    if (family.series.length <= places) continue;
    const told = labelsOfFew(family, places);
    const sums = new Set(family.series.map(({ labels }) => keyOf(labels, told))).size;
    const kept = family.series.slice(0, Math.max(0, places - sums));
    const rest = family.series.slice(kept.length);
    folded += rest.length;
    family.series = [...kept, ...sumBy(family, told, rest)].slice(0, places);
  }
  return { families, folded };
}

/** The most that a family may take so that all together take no more than `budget`. */
function capFor(sizes: readonly number[], budget: number): number {
  if (sizes.reduce((sum, size) => sum + size, 0) <= budget) return Infinity;
  let left = budget;
  const sorted = [...sizes].sort((a, b) => a - b);
  for (const [i, size] of sorted.entries()) {
    const share = left / (sorted.length - i);
    if (size > share) return Math.floor(share);
    left -= size;
  }
  return Infinity;
}

function familiesOf(all: readonly LabelledMetric[]): FoldedFamily[] {
  const families = new Map<string, FoldedFamily>();
  for (const { name, type, help, labelNames, samples, common } of all) {
    const family = families.get(name) ?? { name, type, help, labelNames, series: [] };
    families.set(name, family);
    for (const { labels, value, histogram } of samples) {
      const own = Object.fromEntries(labelNames.map((label, i) => [label, labels[i] ?? '']));
      family.series.push({ labels: { ...common, ...own }, value, histogram });
    }
  }
  return [...families.values()];
}

/** The labels that the sum of what is folded keeps: the service, and those of few values if the sums take little room. */
function labelsOfFew({ labelNames, series }: FoldedFamily, places: number): string[] {
  const few = labelNames.filter((name) => new Set(series.map(({ labels }) => labels[name])).size <= FEW);
  const told = [...new Set(['service', ...few])];
  const sums = new Set(series.map(({ labels }) => keyOf(labels, told))).size;
  return sums <= places / 2 ? told : ['service'];
}

const keyOf = (labels: Record<string, string>, names: readonly string[]): string =>
  JSON.stringify(names.map((name) => labels[name]));

function sumBy(
  { type, labelNames }: FoldedFamily,
  told: readonly string[],
  series: readonly FoldedSeries[],
): FoldedSeries[] {
  const sums = new Map<string, { labels: Record<string, string>; value: number; histogram: ExponentialHistogram }>();
  for (const { labels, value = 0, histogram } of series) {
    const key = keyOf(labels, told);
    let sum = sums.get(key);
    if (!sum) {
      const names = Object.keys(labels).filter((name) => name !== 'service' || labelNames.includes(name));
      const folded = names.map((name): [string, string] => [name, told.includes(name) ? (labels[name] ?? '') : OTHER]);
      const { service } = labels;
      sum = {
        labels: { ...(service === undefined ? {} : { service }), ...Object.fromEntries(folded) },
        value: 0,
        histogram: new ExponentialHistogram(),
      };
      sums.set(key, sum);
    }
    sum.value += value;
    if (histogram) sum.histogram.merge(histogram);
  }
  return [...sums.values()].map(({ labels, value, histogram }) =>
    type === 'histogram' ? { labels, histogram: histogram.toData() } : { labels, value },
  );
}
