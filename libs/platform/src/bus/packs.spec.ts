import fc from 'fast-check';
import { pack, unpack } from './packs';

const record = fc.record({
  id: fc.uuid(),
  text: fc.string({ unit: 'binary' }),
  n: fc.double({ noNaN: true, noDefaultInfinity: true }),
});

describe('records in the entries of a stream', () => {
  it('are the same when they are read, in the same order, however they were put together', () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 350 }), (records) => {
        const texts = records.map((one) => JSON.stringify(one));
        const entries = pack(texts);
        expect(entries.flatMap(({ field }) => unpack(field)).map((one) => JSON.stringify(one))).toEqual(texts);
        expect(entries.at(-1)?.end ?? 0).toBe(texts.length);
      }),
      { numRuns: 50 },
    );
  });

  it('share entries of a bounded number and size', () => {
    expect(pack(Array.from({ length: 250 }, () => '1')).map(({ end }) => end)).toEqual([100, 200, 250]);
    const large = JSON.stringify('x'.repeat(100_000));
    expect(pack([large, large, '1', '1']).map(({ end }) => end)).toEqual([1, 4]);
  });

  it('stand alone as any release reads them', () => {
    expect(pack(['{"n":1}'])).toEqual([{ field: ['payload', '{"n":1}'], end: 1 }]);
    expect(unpack(['payload', '[1,2]'])).toEqual([[1, 2]]);
    expect(unpack(null)).toEqual([null]);
    expect(() => unpack(['pack', '[1,'])).toThrow();
  });
});
