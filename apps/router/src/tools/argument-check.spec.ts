import type { AppError } from '@mcp-router/shared';
import { ArgumentCheck } from './argument-check';

function faults(schema: object, args: unknown): unknown {
  try {
    new ArgumentCheck().check('a__b', JSON.stringify(schema), args);
    return undefined;
  } catch (error) {
    expect((error as AppError).code).toBe('invalid_arguments');
    return (error as AppError).errors;
  }
}

describe('the check of arguments', () => {
  const schema = {
    type: 'object',
    properties: {
      path: { type: 'string' },
      'a/b': { type: 'object', properties: { n: { type: 'integer', minimum: 1 } } },
    },
    required: ['path'],
    additionalProperties: false,
  };

  it('passes what fits', () => {
    expect(faults(schema, { path: 'x', 'a/b': { n: 1 } })).toBeUndefined();
  });

  it('names each fault by its JSON pointer', () => {
    expect(faults(schema, { 'a/b': { n: 0 }, extra: 1 })).toEqual([
      { pointer: '/path', detail: 'is required' },
      { pointer: '/extra', detail: 'is not a known argument' },
      { pointer: '/a~1b/n', detail: 'must be >= 1' },
    ]);
  });

  it('follows 2020-12, and draft 7 where the schema says so', () => {
    const tuple = { type: 'object', properties: { t: { prefixItems: [{ type: 'string' }] } } };
    expect(faults(tuple, { t: [1] })).toMatchObject([{ pointer: '/t/0' }]);
    const old = {
      $schema: 'http://json-schema.org/draft-07/schema#',
      properties: { t: { items: [{ type: 'string' }] } },
    };
    expect(faults(old, { t: [1] })).toMatchObject([{ pointer: '/t/0' }]);
  });

  it.each([
    ['refers to another document', { properties: { a: { $ref: 'https://example.com/other.json' } } }],
    ['is no schema', { type: 'banana' }],
    ['has a pattern that is none', { properties: { a: { pattern: '(' } } }],
  ])('leaves it to the server when the schema %s', (_, broken) => {
    expect(faults(broken, { a: 1 })).toBeUndefined();
  });

  it('keeps apart schemas of two servers with one id', () => {
    const check = new ArgumentCheck();
    const of = (type: string) => JSON.stringify({ $id: 'https://x.example/s', properties: { a: { type } } });
    check.check('a', of('string'), { a: 'x' });
    expect(() => check.check('b', of('number'), { a: 'x' })).toThrow();
  });
});
