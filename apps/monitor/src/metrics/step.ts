import {
  AppError,
  ExponentialHistogram,
  MetricAggregate,
  PackedDistribution,
  type Distribution,
} from '@mcp-router/shared';
import type { SeriesKey, StoredPoint } from './point';

/** What happened in one step of time: one point until a second one comes. A point alone is asked where it stands. */
export type Step = StoredPoint | ExponentialHistogram;

const QUANTILES: Partial<Record<MetricAggregate, number>> = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99 };

/** What each kind of metric has: percentiles need a distribution, and states of a gauge do not add up to anything. */
const AGGREGATES: Record<SeriesKey['type'], readonly MetricAggregate[]> = {
  counter: ['rate', 'count', 'sum', 'avg', 'min', 'max'],
  gauge: ['avg', 'min', 'max'],
  histogram: MetricAggregate.options,
};

/** @throws AppError `invalid_request` when that kind of metric has no such aggregate; the hint names those that it has */
export function refuseUnfit({ name, type }: Pick<SeriesKey, 'name' | 'type'>, aggregate: MetricAggregate): void {
  if (AGGREGATES[type].includes(aggregate)) return;
  throw new AppError('invalid_request', `There is no ${aggregate} of "${name}", which is a ${type}`, {
    hint: `Ask for one of ${AGGREGATES[type].join(', ')}`,
  });
}

/** Adds what a point tells to the step that begins at `at`. */
export function addTo(steps: Map<number, Step>, at: number, point: StoredPoint): void {
  const there = steps.get(at);
  if (there === undefined) steps.set(at, point);
  else if (there instanceof ExponentialHistogram) there.merge(point);
  else {
    const both = new ExponentialHistogram();
    both.merge(there);
    both.merge(point);
    steps.set(at, both);
  }
}

export const distributionOf = (step: Step): Distribution =>
  step instanceof ExponentialHistogram ? step : new PackedDistribution(step);

/** A counter's increase, and how often a histogram recorded, are per second; the rest is over the values. */
export function valueOf(step: Distribution, aggregate: MetricAggregate, stepMs: number): number {
  switch (aggregate) {
    case 'rate':
      return (step.hasBuckets ? step.count : step.sum) / (stepMs / 1000);
    case 'count':
      return step.count;
    case 'sum':
      return step.sum;
    case 'avg':
      return step.sum / step.count;
    case 'min':
      return step.min;
    case 'max':
      return step.max;
    default:
      return step.quantile(QUANTILES[aggregate] ?? 0.5);
  }
}
