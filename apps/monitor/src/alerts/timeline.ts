import { ExponentialHistogram, type HistogramData } from '@mcp-router/shared';
import type { StoredPoint } from '../metrics/point';

type Step = StoredPoint | (HistogramData & { at: number });

/** What happened in each step of a tier, of any number of series; windows over it are asked for often. */
export class Timeline {
  private readonly merged = new Map<number, StoredPoint | ExponentialHistogram>();
  private steps: Step[] | undefined;

  add(point: StoredPoint): void {
    const there = this.merged.get(point.at);
    if (there instanceof ExponentialHistogram) return there.merge(point);
    if (there === undefined) return void this.merged.set(point.at, point);
    const both = new ExponentialHistogram();
    both.merge(there);
    both.merge(point);
    this.merged.set(point.at, both);
  }

  /** Everything of `[from, to)`, times in epoch milliseconds. */
  within(from: number, to: number): ExponentialHistogram {
    const steps = (this.steps ??= this.inOrder());
    const histogram = new ExponentialHistogram();
    for (let i = firstFrom(steps, from); i < steps.length; i++) {
      const step = steps[i] as Step;
      if (step.at >= to) break;
      histogram.merge(step);
    }
    return histogram;
  }

  private inOrder(): Step[] {
    return [...this.merged]
      .map(([at, step]): Step => (step instanceof ExponentialHistogram ? { at, ...step.toData() } : step))
      .sort((a, b) => a.at - b.at);
  }
}

/** Index of the first step that does not begin before `from`. */
function firstFrom(steps: readonly Step[], from: number): number {
  let [low, high] = [0, steps.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((steps[middle] as Step).at < from) low = middle + 1;
    else high = middle;
  }
  return low;
}
