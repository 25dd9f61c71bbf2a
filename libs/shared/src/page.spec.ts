import fc from 'fast-check';
import { decodeCursor, encodeCursor, startAfter, toPage } from './page';

describe('pages', () => {
  it('give cursors that come back as they were', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (key) => expect(decodeCursor(encodeCursor(key))).toBe(key)));
  });

  it.each(['%%%', 'gA', 'a'])('refuse a cursor that they did not give: %s', (cursor) => {
    expect(() => decodeCursor(cursor)).toThrow(expect.objectContaining({ code: 'invalid_cursor' }) as Error);
  });

  it('begin before every key without a cursor, else after the key in it', () => {
    expect(startAfter(undefined)).toBe('');
    expect(startAfter(encodeCursor('b'))).toBe('b');
    expect(() => startAfter(encodeCursor('b'), /^a/)).toThrow(
      expect.objectContaining({ code: 'invalid_cursor' }) as Error,
    );
  });

  it('have a next cursor only if there is more', () => {
    expect(toPage(['a', 'b'], 2, (x) => x)).toEqual({ items: ['a', 'b'], nextCursor: null });
    expect(toPage(['a', 'b', 'c'], 2, (x) => x)).toEqual({ items: ['a', 'b'], nextCursor: encodeCursor('b') });
  });
});
