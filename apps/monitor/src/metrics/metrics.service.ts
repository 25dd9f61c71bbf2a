import { Injectable } from '@nestjs/common';
import {
  AppError,
  startAfter,
  toPage,
  type listMetricSeries,
  type MetricAnswer,
  type MetricQuery,
  type Page,
} from '@mcp-router/shared';
import type { z } from 'zod';
import { groupOf, isExcepted } from './grouping';
import { MAX_SERIES, MetricsStore, type StoredSeries } from './metrics.store';
import { addTo, distributionOf, refuseUnfit, valueOf, type Step } from './step';
import { bucketOf, FINEST, tierFor, type Tier } from './tier';

const MAX_POINTS = 11_000;
const MAX_GROUPS = 100;
const DEFAULT_POINTS = 200;
/** Where a window begins and ends is known to at least this part of its length, as far as it is kept so finely. */
const PARTS_OF_WINDOW = 60;
const DAY_MS = 86_400_000;
const MAX_WINDOW_MS = 400 * DAY_MS;

/** Answers questions about metrics over time from the tier that fits. */
@Injectable()
export class MetricsService {
  constructor(private readonly store: MetricsStore) {}

  /**
   * A step that holds the whole window is the window, as exactly as the tier tells it; shorter steps are the same whenever
   * they are asked for.
   *
   * @param pointsAtOnce about how many points are in memory at a time
   * @throws AppError `invalid_request` (an empty window, an aggregate that the metric does not have), `limit_exceeded` (too
   *   long a window, too many points, groups, series)
   */
  async query(query: MetricQuery, now = Date.now(), pointsAtOnce?: number): Promise<MetricAnswer> {
    const [from, to] = [Date.parse(query.from), Date.parse(query.to)];
    if (to <= from) throw new AppError('invalid_request', '"to" must be later than "from"');
    if (to - from > MAX_WINDOW_MS) throw new AppError('limit_exceeded', 'A window is at most 400 days');
    const steps = stepsOf(query, from, to, now);
    if ((to - from) / steps.stepMs > MAX_POINTS) {
      throw new AppError('limit_exceeded', `At most ${MAX_POINTS} points`, {
        hint: 'Ask for a larger step or a shorter window',
      });
    }
    const groups = [...(await this.read(query, steps, to, pointsAtOnce)).values()];
    const until = Math.min(Math.ceil(to / steps.tier.stepMs) * steps.tier.stepMs, bucketOf(now, FINEST.stepMs));
    const lasted = (at: number) => Math.max(FINEST.stepMs, Math.min(at + steps.stepMs, until) - at);
    const series = groups.map(({ labels, values }) => ({
      labels,
      points: [...values]
        .sort(([a], [b]) => a - b)
        .map(([at, step]): [number, number] => [at / 1000, valueOf(distributionOf(step), query.aggregate, lasted(at))]),
    }));
    return {
      name: query.name,
      aggregate: query.aggregate,
      stepSeconds: steps.stepMs / 1000,
      tierSeconds: steps.tier.stepMs / 1000,
      series: chosen(series, query.top),
    };
  }

  /** What happened in each step, by group. */
  private async read(query: MetricQuery, steps: Steps, to: number, pointsAtOnce?: number): Promise<Map<string, Group>> {
    const { tier, stepMs, start } = steps;
    const found = await this.store.findSeries(query.name, query.labels, MAX_SERIES + 1);
    if (found.length > MAX_SERIES) {
      throw new AppError('limit_exceeded', `More than ${MAX_SERIES} series`, { hint: 'Name label values' });
    }
    for (const one of found) refuseUnfit(one, query.aggregate);
    const series = found.filter(({ labels }) => !isExcepted(labels, query.except));
    const groups = new Map<string, Group>();
    const groupOfId = new Map(series.map(({ id, labels }) => [id, groupOf(groups, labels, query.by, emptyGroup)]));
    if (groups.size * ((to - start) / stepMs) > MAX_GROUPS * MAX_POINTS) {
      throw new AppError('limit_exceeded', `More than ${MAX_GROUPS * MAX_POINTS} points`, {
        hint: 'Ask for a larger step, or group by fewer labels',
      });
    }
    const ids = series.map(({ id }) => id);
    for await (const [id, points] of this.store.readInParts(tier, ids, start, to, pointsAtOnce)) {
      const values = groupOfId.get(id)?.values;
      if (values) for (const point of points) addTo(values, start + bucketOf(point.at - start, stepMs), point);
    }
    return groups;
  }

  /** @throws AppError `invalid_cursor` */
  async series({ prefix, cursor, limit }: z.output<typeof listMetricSeries.input>): Promise<Page<StoredSeries>> {
    const [name = '', id = '0'] = startAfter(cursor, /^[\w:]+ \d{1,18}$/).split(' ');
    const found = await this.store.listSeries(prefix, [name, id], limit + 1);
    return toPage(found, limit, (series) => `${series.name} ${series.id}`);
  }
}

type Series = MetricAnswer['series'];

/**
 * Those with the highest values if so many are asked for. Otherwise all; when they are too many, those with values.
 *
 * @throws AppError `limit_exceeded`
 */
function chosen(series: Series, top: number | undefined): Series {
  if (top === undefined && series.length <= MAX_GROUPS) return series;
  const withValues = series.filter(({ points }) => points.length > 0);
  if (top === undefined) {
    if (withValues.length <= MAX_GROUPS) return withValues;
    throw new AppError('limit_exceeded', `At most ${MAX_GROUPS} groups`, {
      hint: 'Group by fewer labels, name label values, or ask for the top ones',
    });
  }
  const highest = new Map(
    withValues.map((one) => [one, one.points.reduce((max, [, v]) => Math.max(max, v), -Infinity)]),
  );
  return withValues.sort((a, b) => (highest.get(b) ?? 0) - (highest.get(a) ?? 0)).slice(0, top);
}

interface Steps {
  tier: Tier;
  stepMs: number;
  /** Of the first step. */
  start: number;
}

/** A step that is as long as the window is told from a tier that knows where the window begins and ends. */
function stepsOf({ stepSeconds }: MetricQuery, from: number, to: number, now: number): Steps {
  const wanted = stepSeconds === undefined ? (to - from) / DEFAULT_POINTS : stepSeconds * 1000;
  const isOne = wanted >= to - from;
  const tier = tierFor(from, isOne ? (to - from) / PARTS_OF_WINDOW : wanted, now);
  const upTo = (ms: number) => Math.max(1, Math.ceil(ms / tier.stepMs)) * tier.stepMs;
  if (!isOne) return { tier, stepMs: upTo(wanted), start: bucketOf(from, upTo(wanted)) };
  const start = bucketOf(from, tier.stepMs);
  return { tier, stepMs: upTo(to - start), start };
}

interface Group {
  labels: Record<string, string>;
  /** By the start of the step. */
  values: Map<number, Step>;
}

const emptyGroup = (labels: Record<string, string>): Group => ({ labels, values: new Map<number, Step>() });
