import fc from 'fast-check';
import { applyEdits, elementsOf, memberAt, membersOf, removeMembers, setMember } from './json-text';

const json = fc.jsonValue({ maxDepth: 4 });
const keys = fc.constantFrom('a', 'b', 'id', '_meta', 'é"\\', '');
const object = fc.dictionary(keys, json);
const space = fc.constantFrom(undefined, 1, '\t');

describe('JSON as text', () => {
  it('finds the members that JSON.parse finds', () => {
    fc.assert(
      fc.property(object, space, (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        const found = membersOf(text).map(({ key, start, end }) => [key, JSON.parse(text.slice(start, end))]);
        expect(Object.fromEntries(found)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('finds the elements that JSON.parse finds', () => {
    fc.assert(
      fc.property(fc.array(json), space, (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(elementsOf(text).map(({ start, end }) => JSON.parse(text.slice(start, end)) as unknown)).toEqual(
          JSON.parse(text),
        );
      }),
    );
  });

  it('sets one member and changes nothing else', () => {
    fc.assert(
      fc.property(object, keys, json, space, (value, key, set, indent) => {
        const text = JSON.stringify(value, null, indent);
        const edited = applyEdits(text, [setMember(text, 0, key, JSON.stringify(set))]);
        expect(JSON.parse(edited)).toEqual({
          ...(JSON.parse(text) as object),
          [key]: JSON.parse(JSON.stringify(set)) as unknown,
        });
      }),
    );
  });

  it('removes members with their commas', () => {
    fc.assert(
      fc.property(object, fc.array(keys, { maxLength: 4 }), space, (value, gone, indent) => {
        const text = JSON.stringify(value, null, indent);
        const expected = Object.entries(JSON.parse(text) as object).filter(
          ([key]) => !(gone as string[]).includes(key),
        );
        expect(JSON.parse(applyEdits(text, removeMembers(text, 0, gone)))).toEqual(Object.fromEntries(expected));
      }),
      { numRuns: 500 },
    );
  });

  it('keeps a number that no double holds', () => {
    const text = '{"id":1,"result":{"n":12345678901234567890.000000000000000001}}';
    expect(applyEdits(text, [setMember(text, 0, 'id', '"abc"')])).toBe(
      '{"id":"abc","result":{"n":12345678901234567890.000000000000000001}}',
    );
  });

  it('takes the last of two equal keys, as JSON.parse does', () => {
    const found = memberAt('{"a":{"b":1},"a":{"b":2}}', ['a', 'b']);
    expect('{"a":{"b":1},"a":{"b":2}}'.slice(found!.start, found!.end)).toBe('2');
  });
});
