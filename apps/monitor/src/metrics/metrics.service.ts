import { Injectable } from '@nestjs/common';
import {
  AppError,
  ExponentialHistogram,
  PackedDistribution,
  type Distribution,
  type MetricAggregate,
  type MetricAnswer,
  type MetricQuery,
} from '@mcp-router/shared';
import { MetricsStore, type StoredSeries } from './metrics.store';
import type { StoredPoint } from './point';
import { bucketOf, tierFor } from './tier';

const MAX_POINTS = 11_000;
const MAX_GROUPS = 100;
const MAX_SERIES = 5_000;
const DEFAULT_POINTS = 200;
const DAY_MS = 86_400_000;
const MAX_WINDOW_MS = 400 * DAY_MS;

const QUANTILES: Partial<Record<MetricAggregate, number>> = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99 };

/** Answers questions about metrics over time from the tier that fits. */
@Injectable()
export class MetricsService {
  constructor(private readonly store: MetricsStore) {}

  /** @throws AppError `invalid_request` (an empty or too long window, too many points or groups) */
  async query(query: MetricQuery, now = Date.now()): Promise<MetricAnswer> {
    const [from, to] = [Date.parse(query.from), Date.parse(query.to)];
    if (to <= from) throw new AppError('invalid_request', '"to" must be later than "from"');
    if (to - from > MAX_WINDOW_MS) throw new AppError('limit_exceeded', 'A window is at most 400 days');
    const wantedStep = query.stepSeconds === undefined ? (to - from) / DEFAULT_POINTS : query.stepSeconds * 1000;
    const tier = tierFor(from, wantedStep, now);
    const stepMs = Math.max(tier.stepMs, Math.ceil(wantedStep / tier.stepMs) * tier.stepMs);
    if ((to - from) / stepMs > MAX_POINTS) {
      throw new AppError('limit_exceeded', `At most ${MAX_POINTS} points`, {
        hint: 'Ask for a larger step or a shorter window',
      });
    }
    const groups = groupBy(await this.store.findSeries(query.name, query.labels, MAX_SERIES), query.by);
    if (groups.size > MAX_GROUPS) {
      throw new AppError('limit_exceeded', `At most ${MAX_GROUPS} groups`, {
        hint: 'Group by fewer labels, or name label values',
      });
    }
    const ids = [...groups.values()].flatMap(({ ids }) => ids);
    const points = await this.store.read(tier, ids, bucketOf(from, stepMs), to);
    return {
      name: query.name,
      aggregate: query.aggregate,
      stepSeconds: stepMs / 1000,
      tierSeconds: tier.stepMs / 1000,
      series: [...groups.values()].map(({ labels, ids }) => ({
        labels,
        points: stepsOf(
          ids.flatMap((id) => points.get(id) ?? []),
          stepMs,
          query.aggregate,
        ),
      })),
    };
  }

  async series(prefix: string, limit: number): Promise<StoredSeries[]> {
    return this.store.listSeries(prefix, limit);
  }
}

interface Group {
  labels: Record<string, string>;
  ids: string[];
}

function groupBy(series: readonly StoredSeries[], by: readonly string[]): Map<string, Group> {
  const groups = new Map<string, Group>();
  for (const { id, labels } of series) {
    const own = Object.fromEntries(by.map((name) => [name, labels[name] ?? '']));
    const key = JSON.stringify(own);
    const group = groups.get(key);
    if (group) group.ids.push(id);
    else groups.set(key, { labels: own, ids: [id] });
  }
  return groups;
}

function stepsOf(points: readonly StoredPoint[], stepMs: number, aggregate: MetricAggregate): [number, number][] {
  // Most steps have one point, which is asked where it stands.
  const steps = new Map<number, StoredPoint | ExponentialHistogram>();
  for (const point of points) {
    const at = bucketOf(point.at, stepMs);
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
  return [...steps]
    .sort(([a], [b]) => a - b)
    .map(([at, step]) => {
      const values = step instanceof ExponentialHistogram ? step : new PackedDistribution(step);
      return [at / 1000, valueOf(values, aggregate, stepMs)];
    });
}

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
