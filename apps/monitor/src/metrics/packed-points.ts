import type { StoredPoint } from './point';

/** Postgres counts microseconds from 2000-01-01. */
const POSTGRES_EPOCH_MS = 946_684_800_000;
const MORE = 128;

/**
 * SQL for one point as bytes: its time, `count`, `sum`, `min`, `max` and `zeros` as eight bytes each, then the offset and
 * the length of its buckets as four, then the buckets. A month of points of many tools crosses the wire as a few long
 * values instead of tens of thousands of rows.
 */
export const PACKED_POINT = `timestamptz_send(at) || float8send(count) || float8send(sum) || float8send(min) || float8send(max)
  || float8send(zeros) || int4send(offset_) || int4send(coalesce(length(buckets), 0)) || coalesce(buckets, ''::bytea)`;

/** Counts of buckets as variable-length integers: seven bits a byte, the lowest first, the top bit says that more follow. */
export function packCounts(counts: readonly number[]): Buffer | null {
  if (counts.length === 0) return null;
  const bytes: number[] = [];
  for (let n of counts) {
    for (; n >= MORE; n = Math.floor(n / MORE)) bytes.push((n % MORE) + MORE);
    bytes.push(n);
  }
  return Buffer.from(bytes);
}

/** Reads points that stand one after another, each as `PACKED_POINT`; the counts stay where they are. */
export function unpackPoints(packed: Buffer): StoredPoint[] {
  const points: StoredPoint[] = [];
  for (let at = 0; at < packed.length;) {
    const from = at + 56;
    const end = from + packed.readInt32BE(at + 52);
    const microseconds = packed.readInt32BE(at) * 2 ** 32 + packed.readUInt32BE(at + 4);
    points.push({
      at: POSTGRES_EPOCH_MS + microseconds / 1000,
      count: packed.readDoubleBE(at + 8),
      sum: packed.readDoubleBE(at + 16),
      min: packed.readDoubleBE(at + 24),
      max: packed.readDoubleBE(at + 32),
      zeros: packed.readDoubleBE(at + 40),
      offset: packed.readInt32BE(at + 48),
      packed,
      from,
      end,
    });
    at = end;
  }
  return points;
}
