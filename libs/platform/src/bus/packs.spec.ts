import { recordStream } from '@mcp-router/shared';
import fc from 'fast-check';
import { z } from 'zod';
import { Pack, unpack } from './packs';

const stream = recordStream(
  'tester.noted',
  z.object({
    id: z.string(),
    text: z.string().optional(),
    n: z.number().nullish(),
    data: z.record(z.string(), z.unknown()).optional(),
  }),
);

// Few values, so that records next to each other are often alike.
const record = fc.record(
  {
    id: fc.oneof(fc.uuid(), fc.constant('same')),
    text: fc.oneof(fc.constantFrom('one', 'two'), fc.string({ unit: 'binary' }), fc.constant(undefined)),
    n: fc.oneof(fc.constantFrom(1, null), fc.double({ noNaN: true, noDefaultInfinity: true })),
    data: fc.constantFrom({ a: 1 }, { a: null }, undefined),
  },
  { requiredKeys: ['id'] },
);

/** Packs as a writer makes them, one after the other. */
function packed(records: readonly Record<string, unknown>[]): Pack[] {
  const packs: Pack[] = [];
  for (const one of records) {
    if (packs.at(-1)?.add(one) === true) continue;
    const next = new Pack(stream);
    expect(next.add(one)).toBe(true);
    packs.push(next);
  }
  return packs;
}

const read = (packs: readonly Pack[]) => packs.flatMap(({ entry }) => unpack(['pack', entry.toString()]));

describe('records in the entries of a stream', () => {
  it('are the same when they are read, in the same order, whatever they have in common', () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 350 }), (records) => {
        const packs = packed(records);
        expect(read(packs)).toEqual(JSON.parse(JSON.stringify(records)));
        expect(packs.reduce((sum, { count }) => sum + count, 0)).toBe(records.length);
        for (const { entry, length } of packs) expect(entry.length).toBe(length);
      }),
      { numRuns: 100 },
    );
  });

  it('say once what they have in common', () => {
    const [pack] = packed(Array.from({ length: 100 }, (_, n) => ({ id: `${n}`, text: 'the same for all of them' })));
    expect(pack?.entry.toString().split('the same for all of them').length).toBe(2);
  });

  it('share entries of a bounded number and size', () => {
    const counts = (records: Record<string, unknown>[]) => packed(records).map(({ count }) => count);
    expect(counts(Array.from({ length: 250 }, (_, n) => ({ id: `${n}` })))).toEqual([100, 100, 50]);
    const large = (n: number) => ({ id: `${n}`, text: `${n}`.repeat(40_000) });
    expect(counts([large(1), large(2), { id: '3' }, large(4)])).toEqual([1, 2, 1]);
    const huge = { id: 'x', text: '\u{1f600}'.repeat(200_000) };
    expect(read(packed([{ id: '1' }, huge, { id: '2' }]))).toEqual([{ id: '1' }, huge, { id: '2' }]);
  });

  it('are not harmed by one that is no JSON', () => {
    const pack = new Pack(stream);
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    pack.add({ id: '1', text: 'one' });
    expect(() => pack.add({ id: '2', text: 'two', data: circular })).toThrow(TypeError);
    pack.add({ id: '2', text: 'one', n: 3 });
    expect(read([pack])).toEqual([
      { id: '1', text: 'one' },
      { id: '2', text: 'one', n: 3 },
    ]);
  });

  it('stand alone too', () => {
    expect(unpack(['payload', '{"n":1}'])).toEqual([{ n: 1 }]);
    expect(unpack(['payload', '[1,2]'])).toEqual([[1, 2]]);
    expect(unpack(null)).toEqual([null]);
    expect(() => unpack(['pack', '[1,'])).toThrow();
  });
});
