import { z } from 'zod';

/** Buckets per doubling: each bucket is 2^(1/32), about 2.2 %, wide, so a quantile is at most 1.1 % off. */
const PER_DOUBLING = 32;
/** Values outside 2^-24 … 2^40 are counted in the outermost buckets: sub-microsecond in seconds to a terabyte in bytes. */
const MIN_INDEX = -24 * PER_DOUBLING;
const MAX_INDEX = 40 * PER_DOUBLING - 1;

/** A histogram as it is stored and sent: `counts[i]` belongs to bucket `offset + i`, `zeros` are values of zero or less. */
export const HistogramData = z.object({
  count: z.number(),
  sum: z.number(),
  min: z.number(),
  max: z.number(),
  zeros: z.number(),
  offset: z.int(),
  counts: z.array(z.number()),
});
export type HistogramData = z.infer<typeof HistogramData>;

/**
 * OpenTelemetry's exponential histogram at scale 5. Histograms merge by adding, so a quantile over any window or set of
 * servers is as right as one over a single process.
 *
 * @see https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram
 */
export class ExponentialHistogram {
  count = 0;
  sum = 0;
  min = Infinity;
  max = -Infinity;
  private zeros = 0;
  /** Bucket of `counts[0]`; meaningless while `counts` is empty. */
  private offset = 0;
  private counts = new Float64Array(0);

  /** False for merged counters and gauges, which are single numbers. */
  get hasBuckets(): boolean {
    return this.counts.length > 0 || this.zeros > 0;
  }

  record(value: number): void {
    // What JSON cannot carry is no measurement.
    if (!Number.isFinite(value)) return;
    this.count++;
    this.sum += value;
    if (value < this.min) this.min = value;
    if (value > this.max) this.max = value;
    if (value <= 0) this.zeros++;
    else this.add(indexOf(value), 1);
  }

  merge(other: HistogramData): void {
    if (other.count === 0) return;
    this.count += other.count;
    this.sum += other.sum;
    this.min = Math.min(this.min, other.min);
    this.max = Math.max(this.max, other.max);
    this.zeros += other.zeros;
    other.counts.forEach((n, i) => {
      if (n > 0) this.add(other.offset + i, n);
    });
  }

  /**
   * The value below which the share `q` (0 … 1) of all values lies, at most 1.1 % off; exact at the ends. NaN when empty.
   */
  quantile(q: number): number {
    if (this.count === 0) return NaN;
    const rank = Math.min(this.count, Math.max(1, Math.ceil(q * this.count)));
    if (rank === 1) return this.min;
    if (rank === this.count) return this.max;
    let seen = this.zeros;
    if (seen >= rank) return Math.max(this.min, Math.min(0, this.max));
    for (const [i, n] of this.counts.entries()) {
      seen += n;
      if (seen >= rank) return Math.min(this.max, Math.max(this.min, middleOf(this.offset + i)));
    }
    return this.max;
  }

  /** How many values are at most `bound` (by whole buckets), for cumulative expositions. */
  countAtMost(bound: number): number {
    let seen = this.zeros;
    const last = bound > 0 ? indexOf(bound) - this.offset : -1;
    for (let i = 0; i <= last && i < this.counts.length; i++) seen += this.counts[i] ?? 0;
    return bound < 0 ? 0 : seen;
  }

  toData(): HistogramData {
    const first = this.counts.findIndex((n) => n > 0);
    const last = this.counts.findLastIndex((n) => n > 0);
    return {
      count: this.count,
      sum: this.sum,
      min: this.count === 0 ? 0 : this.min,
      max: this.count === 0 ? 0 : this.max,
      zeros: this.zeros,
      offset: first < 0 ? 0 : this.offset + first,
      counts: first < 0 ? [] : [...this.counts.subarray(first, last + 1)],
    };
  }

  private add(index: number, n: number): void {
    let at = index - this.offset;
    if (at < 0 || at >= this.counts.length) {
      this.grow(index);
      at = index - this.offset;
    }
    this.counts[at] = (this.counts[at] ?? 0) + n;
  }

  /** Makes room for a bucket, with slack on its side so that a drifting value does not copy each time. */
  private grow(index: number): void {
    const slack = PER_DOUBLING;
    if (this.counts.length === 0) {
      this.offset = index - slack / 2;
      this.counts = new Float64Array(slack);
      return;
    }
    const start = index < this.offset ? index - slack : this.offset;
    const end = index >= this.offset + this.counts.length ? index + slack : this.offset + this.counts.length;
    const grown = new Float64Array(end - start);
    grown.set(this.counts, this.offset - start);
    this.counts = grown;
    this.offset = start;
  }
}

/** The bucket of a positive value: bucket i holds (2^(i/32), 2^((i+1)/32)]. */
function indexOf(value: number): number {
  const index = Math.ceil(Math.log2(value) * PER_DOUBLING) - 1;
  return index < MIN_INDEX ? MIN_INDEX : index > MAX_INDEX ? MAX_INDEX : index;
}

/** The value whose relative distance to both ends of the bucket is the same. */
function middleOf(index: number): number {
  const low = 2 ** (index / PER_DOUBLING);
  const high = 2 ** ((index + 1) / PER_DOUBLING);
  return (2 * low * high) / (low + high);
}
