import { ExponentialHistogram } from '@mcp-router/shared';
import type { Point, StoredPoint } from '../metrics/point';
import { addTo, type Step } from '../metrics/step';

/** What happened in each step of a tier, of any number of series; windows over it are asked for often. */
export class Timeline {
  private readonly merged = new Map<number, Step>();
  private points: (StoredPoint | Point)[] | undefined;

  add(point: StoredPoint): void {
    addTo(this.merged, point.at, point);
  }

  /** Everything of `[from, to)`, times in epoch milliseconds. */
  within(from: number, to: number): ExponentialHistogram {
    const points = (this.points ??= this.inOrder());
    const histogram = new ExponentialHistogram();
    for (let i = firstFrom(points, from); i < points.length; i++) {
      const point = points[i] as StoredPoint | Point;
      if (point.at >= to) break;
      histogram.merge(point);
    }
    return histogram;
  }

  private inOrder(): (StoredPoint | Point)[] {
    return [...this.merged]
      .map(([at, step]) => (step instanceof ExponentialHistogram ? { at, ...step.toData() } : step))
      .sort((a, b) => a.at - b.at);
  }
}

/** Index of the first point that does not begin before `from`. */
function firstFrom(points: readonly { at: number }[], from: number): number {
  let [low, high] = [0, points.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((points[middle] as { at: number }).at < from) low = middle + 1;
    else high = middle;
  }
  return low;
}
