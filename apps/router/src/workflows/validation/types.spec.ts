import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import type { Json, JsonObject } from '../definition/json';
import { typeOfSchema } from './schema-types';
import { ANY, assignability, describeType, typeOfValue, union } from './types';

/** `npm run test:long` looks harder. */
const RUNS = process.env['LONG_TESTS'] ? 10_000 : 400;

const ajv = new Ajv2020({ strict: false, logger: false, validateFormats: false });

/** Values that schemas of the test can tell apart. */
const value: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom<Json>(null, true, false),
    fc.integer({ min: -3, max: 6 }),
    fc.constantFrom<Json>(0.5, 2.5),
    fc.constantFrom<Json>('', 'a', 'ab', 'abc', 'b'),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { maxKeys: 3, noNullPrototype: true }),
  ),
})).value;

const bound = fc.integer({ min: -2, max: 4 });
const count = fc.integer({ min: 0, max: 3 });

const schema: fc.Arbitrary<Json> = fc.letrec<{ schema: Json; leaf: Json }>((tie) => {
  const list = fc.array(tie('schema'), { minLength: 1, maxLength: 2 });
  const type = fc.oneof(
    fc.constantFrom('null', 'boolean', 'integer', 'number', 'string', 'array', 'object'),
    fc.uniqueArray(fc.constantFrom('null', 'integer', 'string', 'array', 'object'), { minLength: 1, maxLength: 3 }),
  );
  const keyword = (name: string, of: fc.Arbitrary<Json>): fc.Arbitrary<JsonObject> =>
    of.map((given) => ({ [name]: given }));
  const plain = fc.oneof(
    keyword('type', type),
    keyword('enum', fc.uniqueArray(value, { minLength: 1, maxLength: 4, selector: (item) => JSON.stringify(item) })),
    keyword('const', value),
    ...['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'].map((name) => keyword(name, bound)),
    ...['minLength', 'maxLength', 'minItems', 'maxItems', 'minProperties'].map((name) => keyword(name, count)),
    keyword('multipleOf', fc.constantFrom(1, 2)),
    keyword('pattern', fc.constantFrom('^a', 'b$')),
    keyword('uniqueItems', fc.boolean()),
    keyword('required', fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { maxLength: 2 })),
    keyword('dependentRequired', fc.constant({ a: ['b'] })),
    keyword('$ref', fc.constantFrom('#/properties/a', '#/anyOf/0')),
  );
  const nested = fc.oneof(
    ...['items', 'contains', 'additionalProperties', 'propertyNames', 'not'].map((name) =>
      keyword(name, tie('schema')),
    ),
    ...['prefixItems', 'allOf', 'anyOf', 'oneOf'].map((name) => keyword(name, list)),
    keyword(
      'properties',
      fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('schema'), { maxKeys: 2, noNullPrototype: true }),
    ),
    keyword(
      'patternProperties',
      tie('schema').map((part) => ({ '^a': part })),
    ),
    fc.tuple(tie('schema'), tie('schema')).map(([part, other]) => ({ if: part, then: other })),
  );
  const merged = (...parts: fc.Arbitrary<JsonObject>[]): fc.Arbitrary<Json> =>
    fc.tuple(...parts).map((all) => Object.assign({}, ...all) as JsonObject);
  return {
    leaf: fc.oneof(fc.boolean(), merged(plain), merged(keyword('type', type), plain)),
    schema: fc.oneof(
      { maxDepth: 2, depthSize: 'small' },
      tie('leaf'),
      merged(plain, plain),
      merged(keyword('type', type), nested),
      merged(nested, plain),
      merged(nested, nested),
    ),
  };
}).schema;

function validator(of: Json): ((candidate: Json) => boolean) | undefined {
  try {
    const validate = ajv.compile(of as JsonObject);
    return (candidate) => {
      try {
        return validate(candidate);
      } catch {
        // A reference to itself, which the validator follows for ever.
        return false;
      }
    };
  } catch {
    // References that lead nowhere.
    return undefined;
  }
}

const isSelfReferring = (...schemas: Json[]): boolean => JSON.stringify(schemas).includes('#/anyOf/0');

/** Values worth trying for a schema: random ones and those it names. */
function candidates(random: Json[], ...schemas: Json[]): Json[] {
  const named = schemas.flatMap((part) => {
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return [];
    return [...(Array.isArray(part['enum']) ? part['enum'] : []), ...('const' in part ? [part['const'] ?? null] : [])];
  });
  return [...random, ...named];
}

describe('assignability', () => {
  it('never promises what the schemas do not keep', () => {
    let [always, never] = [0, 0];
    fc.assert(
      fc.property(schema, schema, fc.array(value, { minLength: 30, maxLength: 30 }), (from, to, random) => {
        const [isFrom, isTo] = [validator(from), validator(to)];
        fc.pre(isFrom !== undefined && isTo !== undefined);
        const verdict = assignability(typeOfSchema(from), typeOfSchema(to));
        if (verdict === 'maybe') return;
        if (verdict === 'always') always += 1;
        else never += 1;
        for (const candidate of candidates(random, from, to))
          if (!isSelfReferring(from, to) && isFrom(candidate) && isTo(candidate) !== (verdict === 'always'))
            throw new Error(`${verdict}, but ${JSON.stringify(candidate)}`);
      }),
      { numRuns: RUNS },
    );
    // It would be sound, and useless, to say “maybe” to everything.
    expect(always).toBeGreaterThan(RUNS / 40);
    expect(never).toBeGreaterThan(RUNS / 40);
  });

  it('covers every value that a schema allows', () => {
    fc.assert(
      fc.property(schema, fc.array(value, { minLength: 30, maxLength: 30 }), (of, random) => {
        const isValid = validator(of);
        fc.pre(isValid !== undefined);
        for (const candidate of candidates(random, of))
          if (isValid(candidate) && assignability(typeOfValue(candidate), typeOfSchema(of)) === 'never')
            throw new Error(`${JSON.stringify(candidate)} is allowed`);
      }),
      { numRuns: RUNS },
    );
  });

  it.each<[string, Json, Json, string]>([
    ['a string to a string', { type: 'string' }, { type: 'string' }, 'always'],
    ['an integer to a number', { type: 'integer' }, { type: 'number' }, 'always'],
    ['a number to an integer', { type: 'number' }, { type: 'integer' }, 'maybe'],
    ['a string to a number', { type: 'string' }, { type: 'number' }, 'never'],
    ['null or string to string', { type: ['null', 'string'] }, { type: 'string' }, 'maybe'],
    ['a value of an enum', { const: 'a' }, { enum: ['a', 'b'] }, 'always'],
    ['a value outside an enum', { const: 'c' }, { enum: ['a', 'b'] }, 'never'],
    ['a narrower range', { type: 'integer', minimum: 2, maximum: 3 }, { type: 'integer', minimum: 1 }, 'always'],
    ['a range apart', { type: 'integer', maximum: 0 }, { type: 'integer', minimum: 1 }, 'never'],
    ['anything', true, { type: 'string' }, 'maybe'],
    ['a string to a pattern', { type: 'string' }, { type: 'string', pattern: '^a' }, 'maybe'],
    [
      'a list of strings to a list of numbers',
      { type: 'array', items: { type: 'string' }, minItems: 1 },
      { type: 'array', items: { type: 'number' } },
      'never',
    ],
    [
      'an object without a required property',
      { type: 'object', additionalProperties: false },
      { type: 'object', required: ['a'] },
      'never',
    ],
    [
      'an object with a property too many',
      { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] },
      { type: 'object', additionalProperties: false },
      'never',
    ],
    ['a reference', { type: 'string' }, { $ref: '#/$defs/t', $defs: { t: { type: 'string' } } }, 'always'],
  ])('of %s', (_name, from, to, verdict) => {
    expect(assignability(typeOfSchema(from), typeOfSchema(to))).toBe(verdict);
  });

  it('passes over patterns when asked to look at types only', () => {
    const to = typeOfSchema({ type: 'string', pattern: '^a', format: 'uri' });
    expect(assignability(typeOfSchema({ type: 'string' }), to, true)).toBe('always');
  });

  it('ends with a schema that contains itself', () => {
    const tree: Json = { type: 'object', properties: { child: { $ref: '#' } } };
    expect(assignability(typeOfSchema(tree), typeOfSchema({ ...tree }))).toBe('maybe');
  });

  it('describes types in words', () => {
    expect(describeType(typeOfSchema({ type: ['integer', 'null'] }))).toBe('null or an integer');
    expect(describeType(union(typeOfValue('a'), typeOfValue('b')))).toBe('"a", "b"');
    expect(describeType(ANY)).toBe('anything');
  });
});
