import fc from 'fast-check';
import { packCounts } from '../metrics/packed-points';
import { mergePoints, valuePoint, type StoredPoint } from '../metrics/point';
import { Timeline } from './timeline';

const stored = (at: number, value: number): StoredPoint => {
  const { counts, ...point } = mergePoints(at, [valuePoint(at, value)]);
  const packed = packCounts(counts) ?? Buffer.alloc(0);
  return { ...point, packed, from: 0, end: packed.length };
};

it('gives of any window what was added in it, in whatever order it came', () => {
  const points = fc.array(fc.record({ at: fc.nat(20), value: fc.integer({ min: 1, max: 9 }) }), { maxLength: 40 });
  fc.assert(
    fc.property(points, fc.array(fc.tuple(fc.nat(21), fc.nat(21)), { minLength: 1 }), (added, windows) => {
      const timeline = new Timeline();
      for (const { at, value } of added) timeline.add(stored(at, value));
      for (const [from, to] of windows) {
        const wanted = added.filter(({ at }) => at >= from && at < to).map(({ value }) => value);
        const { count, sum } = timeline.within(from, to);
        expect([count, sum]).toEqual([wanted.length, wanted.reduce((a, b) => a + b, 0)]);
      }
    }),
  );
});
