import { ExponentialHistogram, type HistogramData, type Metric, type PackedHistogram } from '@mcp-router/shared';

/**
 * What one series did in one bucket of time. Counters: `sum` is the increase. Gauges: one observation a process, so
 * `sum / count` is the average. Histograms: the values recorded in that time.
 */
export interface Point extends HistogramData {
  at: number;
}

/** A point as it is read: its counts are still packed. */
export interface StoredPoint extends PackedHistogram {
  at: number;
}

/** A series across all instances of a service. */
export interface SeriesKey {
  name: string;
  type: Metric['type'];
  labels: Record<string, string>;
}

export function keyText({ name, labels }: SeriesKey): string {
  return JSON.stringify([name, ...Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

/** All values of several buckets or instances as one. Order does not matter. */
export function mergePoints(at: number, points: readonly (HistogramData | PackedHistogram)[]): Point {
  const merged = new ExponentialHistogram();
  for (const point of points) merged.merge(point);
  return { at, ...merged.toData() };
}

/** A single number as a point. */
export function valuePoint(at: number, value: number): Point {
  return { at, count: 1, sum: value, min: value, max: value, zeros: 0, offset: 0, counts: [] };
}
