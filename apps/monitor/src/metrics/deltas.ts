import type { HistogramData, Metric, MetricSample } from '@mcp-router/shared';
import { keyText, mergePoints, valuePoint, type Point, type SeriesKey } from './point';

export interface Reading {
  instance: string;
  service: string;
  /** Undefined when it runs and did not answer. */
  metrics: Metric[] | undefined;
}

/** For an hour of readings; then an instance is gone. */
const MAX_ABSENCES = 360;

/** What an instance told last, by series; undefined when it ran before collecting began and has not answered yet. */
type Told = Map<string, MetricSample> | undefined;

/**
 * Turns what instances count since they started into what happened since the last reading. An instance that is new since
 * then contributes all it has; one that was there when collecting began is only a baseline the first time. One that did not
 * answer tells the next time what happened meanwhile.
 */
export class Deltas {
  private previous = new Map<string, Told>();
  /** How many readings in a row an instance has been absent from. */
  private readonly absences = new Map<string, number>();
  private hasBaseline = false;
  private before: { previous: Map<string, Told>; hasBaseline: boolean } | undefined;

  /** @returns one point a series, all instances of a service merged */
  take(at: number, readings: readonly Reading[]): { key: SeriesKey; point: Point }[] {
    const bySeries = new Map<string, { key: SeriesKey; points: Point[] }>();
    const current = new Map<string, Told>();
    for (const { instance, service, metrics } of readings) {
      const before = this.previous.get(instance);
      const isBaseline = !before && (!this.hasBaseline || this.previous.has(instance));
      if (!metrics) {
        if (isBaseline) current.set(instance, undefined);
        continue;
      }
      const samples = new Map<string, MetricSample>();
      current.set(instance, samples);
      for (const metric of metrics) {
        for (const sample of metric.samples) {
          const labels = Object.fromEntries(metric.labelNames.map((name, i) => [name, sample.labels[i] ?? '']));
          const key: SeriesKey = { name: metric.name, type: metric.type, labels: { service, ...labels } };
          const text = keyText(key);
          samples.set(text, sample);
          if (metric.type !== 'gauge' && isBaseline) continue;
          const point = change(at, metric.type, sample, before?.get(text));
          if (!point) continue;
          const series = bySeries.get(text) ?? { key, points: [] };
          series.points.push(point);
          bySeries.set(text, series);
        }
      }
    }
    this.before = { previous: this.previous, hasBaseline: this.hasBaseline };
    for (const [instance, told] of this.previous) {
      if (current.get(instance)) this.absences.delete(instance);
      else if (this.isRemembered(instance)) current.set(instance, told);
    }
    this.previous = current;
    this.hasBaseline = true;
    return [...bySeries.values()].map(({ key, points }) => ({ key, point: mergePoints(at, points) }));
  }

  /** Whoever is not heard of for a moment, since Redis restarts, is no new instance when it is back. */
  private isRemembered(instance: string): boolean {
    const absences = (this.absences.get(instance) ?? 0) + 1;
    this.absences.set(instance, absences);
    if (absences <= MAX_ABSENCES) return true;
    this.absences.delete(instance);
    return false;
  }

  /** The last readings could not be stored: the next ones tell what they did, too. */
  undo(): void {
    if (this.before) ({ previous: this.previous, hasBaseline: this.hasBaseline } = this.before);
    this.before = undefined;
  }
}

/** What has far less than before began anew. A little less is none: the kernel's idle time goes back now and then. */
function change(
  at: number,
  type: Metric['type'],
  now: MetricSample,
  before: MetricSample | undefined,
): Point | undefined {
  if (type === 'gauge') return valuePoint(at, now.value ?? 0);
  if (type === 'counter') {
    const [value, last] = [now.value ?? 0, before?.value ?? 0];
    const increase = value < last / 2 ? value : value - last;
    return increase > 0 ? valuePoint(at, increase) : undefined;
  }
  if (!now.histogram) return undefined;
  const last = before?.histogram;
  const recorded = last && last.count <= now.histogram.count ? subtract(now.histogram, last) : now.histogram;
  return recorded.count > 0 ? { at, ...recorded } : undefined;
}

/** What was added to a histogram. Its smallest and largest value are not known, so those of the touched buckets stand in. */
function subtract(now: HistogramData, before: HistogramData): HistogramData {
  const counts = now.counts.map((n, i) => n - (before.counts[now.offset + i - before.offset] ?? 0));
  const first = counts.findIndex((n) => n > 0);
  const last = counts.findLastIndex((n) => n > 0);
  const zeros = now.zeros - before.zeros;
  return {
    count: now.count - before.count,
    sum: now.sum - before.sum,
    min: zeros > 0 ? now.min : now.min < before.min ? now.min : lowerBound(now.offset + first),
    max: now.max > before.max ? now.max : Math.min(now.max, lowerBound(now.offset + last + 1)),
    zeros,
    offset: first < 0 ? 0 : now.offset + first,
    counts: first < 0 ? [] : counts.slice(first, last + 1),
  };
}

const lowerBound = (bucket: number): number => 2 ** (bucket / 32);
