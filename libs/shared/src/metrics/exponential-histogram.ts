import { z } from 'zod';

/** Buckets per doubling: each bucket is 2^(1/32), about 2.2 %, wide, so a quantile is at most 1.1 % off. */
const PER_DOUBLING = 32;
/** Values outside 2^-24 … 2^40 are counted in the outermost buckets: sub-microsecond in seconds to a terabyte in bytes. */
const MIN_INDEX = -24 * PER_DOUBLING;
const MAX_INDEX = 40 * PER_DOUBLING - 1;
/** In a packed count: another byte follows. */
const MORE = 128;

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
 * A histogram whose counts stand in bytes, from bucket `offset` on: each a variable-length integer of seven bits a byte,
 * the lowest first, where the top bit says that more follow.
 */
export interface PackedHistogram extends Omit<HistogramData, 'counts'> {
  packed: Uint8Array;
  from: number;
  end: number;
}

/** What can be asked of recorded values. */
export interface Distribution {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  /** False for merged counters and gauges, which are single numbers. */
  readonly hasBuckets: boolean;
  quantile(q: number): number;
}

/**
 * OpenTelemetry's exponential histogram at scale 5. Histograms merge by adding, so a quantile over any window or set of
 * servers is as right as one over a single process.
 *
 * @see https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram
 */
export class ExponentialHistogram implements Distribution {
  count = 0;
  sum = 0;
  min = Infinity;
  max = -Infinity;
  private zeros = 0;
  /** Bucket of `counts[0]`; meaningless while `counts` is empty. */
  private offset = 0;
  private counts = new Float64Array(0);

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

  merge(other: HistogramData | PackedHistogram): void {
    if (other.count === 0) return;
    this.count += other.count;
    this.sum += other.sum;
    this.min = Math.min(this.min, other.min);
    this.max = Math.max(this.max, other.max);
    this.zeros += other.zeros;
    if ('packed' in other) return this.addPacked(other);
    const { counts, offset } = other;
    if (counts.length === 0) return;
    this.makeRoom(offset, offset + counts.length - 1);
    const at = offset - this.offset;
    for (let i = 0; i < counts.length; i++) this.counts[at + i] = (this.counts[at + i] ?? 0) + (counts[i] ?? 0);
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
    for (let i = 0; i < this.counts.length; i++) {
      seen += this.counts[i] ?? 0;
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
      this.makeRoom(index, index);
      at = index - this.offset;
    }
    this.counts[at] = (this.counts[at] ?? 0) + n;
  }

  /** Adds counts as they are read: a month of points would otherwise be millions of numbers that live for a moment. */
  private addPacked({ packed, offset, from, end }: PackedHistogram): void {
    if (from >= end) return;
    // A bucket takes at least one byte.
    this.makeRoom(offset, offset + end - from - 1);
    const { counts } = this;
    let at = offset - this.offset;
    for (let i = from; i < end; i++) {
      let byte = packed[i] as number;
      let n = byte;
      for (let weight = 1; byte >= MORE && i + 1 < end;) {
        n -= MORE * weight;
        weight *= MORE;
        byte = packed[++i] as number;
        n += byte * weight;
      }
      (counts[at++] as number) += n;
    }
  }

  /** Makes room for buckets, with slack on their side so that a drifting value does not copy each time. */
  private makeRoom(first: number, last: number): void {
    const slack = PER_DOUBLING;
    if (this.counts.length === 0) {
      this.offset = first - slack / 2;
      this.counts = new Float64Array(last - first + slack);
      return;
    }
    const end = this.offset + this.counts.length;
    if (first >= this.offset && last < end) return;
    const start = first < this.offset ? first - slack : this.offset;
    const grown = new Float64Array((last >= end ? last + slack : end) - start);
    grown.set(this.counts, this.offset - start);
    this.counts = grown;
    this.offset = start;
  }
}

/** A packed histogram that is asked where it stands: no count is copied. */
export class PackedDistribution implements Distribution {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;

  constructor(private readonly histogram: PackedHistogram) {
    ({ count: this.count, sum: this.sum, min: this.min, max: this.max } = histogram);
  }

  get hasBuckets(): boolean {
    return this.histogram.end > this.histogram.from || this.histogram.zeros > 0;
  }

  /** As `ExponentialHistogram.quantile`. */
  quantile(q: number): number {
    const { count, min, max, zeros, offset, packed, from, end } = this.histogram;
    if (count === 0) return NaN;
    const rank = Math.min(count, Math.max(1, Math.ceil(q * count)));
    if (rank === 1) return min;
    if (rank === count) return max;
    let seen = zeros;
    if (seen >= rank) return Math.max(min, Math.min(0, max));
    let bucket = offset;
    let weight = 1;
    for (let i = from; i < end; i++) {
      const byte = packed[i] as number;
      seen += (byte % MORE) * weight;
      if (byte >= MORE) {
        weight *= MORE;
        continue;
      }
      if (seen >= rank) return Math.min(max, Math.max(min, middleOf(bucket)));
      weight = 1;
      bucket++;
    }
    return max;
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
