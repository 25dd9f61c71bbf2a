import { ExponentialHistogram, PackedDistribution } from '@mcp-router/shared';
import fc from 'fast-check';
import { packCounts, unpackPoints } from './packed-points';
import type { Point } from './point';

const double = fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n + 0);
const anyPoint: fc.Arbitrary<Point> = fc.record({
  at: fc.integer({ min: Date.parse('1990-01-01'), max: Date.parse('2100-01-01') }),
  count: double,
  sum: double,
  min: double,
  max: double,
  zeros: double,
  offset: fc.integer({ min: -768, max: 1280 }),
  counts: fc.array(fc.oneof(fc.nat(3), fc.nat(), fc.maxSafeNat())),
});

/** What `PACKED_POINT` gives in Postgres. */
function pack({ at, count, sum, min, max, zeros, offset, counts }: Point): Buffer {
  const buckets = packCounts(counts) ?? Buffer.alloc(0);
  const head = Buffer.alloc(56);
  head.writeBigInt64BE(BigInt(at - Date.parse('2000-01-01')) * 1000n, 0);
  [count, sum, min, max, zeros].forEach((value, i) => head.writeDoubleBE(value, 8 + 8 * i));
  head.writeInt32BE(offset, 48);
  head.writeInt32BE(buckets.length, 52);
  return Buffer.concat([head, buckets]);
}

it('points are read as they were packed, however many follow each other', () => {
  fc.assert(
    fc.property(fc.array(anyPoint), (points) => {
      const read = unpackPoints(Buffer.concat(points.map(pack)));
      expect(read.map(({ packed: _, from: __, end: ___, ...point }) => point)).toEqual(
        points.map(({ counts: _, ...point }) => point),
      );
    }),
  );
});

it('packed counts merge to the same as plain ones', () => {
  const realPoint = fc
    .array(fc.double({ min: 1e-6, max: 1e9, noNaN: true }), { minLength: 1 })
    .chain((values) => fc.record({ values: fc.constant(values), times: fc.constantFrom(1, 100, 1e6) }))
    .map(({ values, times }): Point => {
      const histogram = new ExponentialHistogram();
      for (const value of values) histogram.record(value);
      const data = histogram.toData();
      return { at: 0, ...data, count: data.count * times, counts: data.counts.map((n) => n * times) };
    });
  fc.assert(
    fc.property(fc.array(realPoint), (points) => {
      const [plain, packed] = [new ExponentialHistogram(), new ExponentialHistogram()];
      for (const point of points) plain.merge(point);
      for (const point of unpackPoints(Buffer.concat(points.map(pack)))) packed.merge(point);
      expect(packed.toData()).toEqual(plain.toData());
    }),
  );
});

it('a packed point answers where it stands what its histogram answers', () => {
  const value = fc.oneof(fc.double({ min: 1e-6, max: 1e9, noNaN: true }), fc.constantFrom(0, -1, 5));
  const quantile = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 0.5, 0.99, 1));
  fc.assert(
    fc.property(fc.array(value), fc.constantFrom(1, 100), quantile, (values, times, q) => {
      const histogram = new ExponentialHistogram();
      for (const each of values) for (let i = 0; i < times; i++) histogram.record(each);
      const [point] = unpackPoints(pack({ at: 0, ...histogram.toData() }));
      if (!point) throw new Error('nothing was packed');
      const packed = new PackedDistribution(point);
      const { count, sum, hasBuckets } = histogram;
      expect(packed).toMatchObject({ count, sum, hasBuckets });
      expect(packed.quantile(q)).toBe(histogram.quantile(q));
    }),
  );
});

it('a point without buckets takes no bytes for them', () => {
  expect(packCounts([])).toBeNull();
  expect(packCounts([0, 1, 127])).toHaveLength(3);
});
