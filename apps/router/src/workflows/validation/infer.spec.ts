import fc from 'fast-check';
import type { Json } from '../definition/json';
import { compileProgram, runProgram } from '../expressions/program';
import { InlineBudget } from '../expressions/budgets';
import { inferType, type TypeNote } from './infer';
import { typeOfSchema } from './schema-types';
import { assignability, describeType, typeOfValue, union } from './types';

const ISSUE = {
  type: 'object',
  required: ['number', 'labels'],
  properties: {
    number: { type: 'integer' },
    title: { type: 'string' },
    labels: { type: 'array', items: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] } },
  },
  additionalProperties: false,
};

function infer(text: string, notes: TypeNote[] = []): string {
  const scope = { input: typeOfSchema(ISSUE), variables: new Map([['n', typeOfValue(1)]]) };
  return describeType(inferType(compileProgram(text).ast, scope, notes));
}

describe('inferType', () => {
  it.each([
    ['.number', 'an integer'],
    ['.title', 'a string or null'],
    ['.title // "none"', 'a string or "none"'],
    ['.labels[0].name', 'a string or null'],
    ['.labels | length', 'a number'],
    ['[.labels[].name]', 'an array'],
    ['.labels | map(.name) | join(", ")', 'a string'],
    ['.number + 1', 'an integer'],
    ['.number > 3 and (.title | test("x"))', 'a boolean'],
    ['"Issue \\(.number)"', 'a string'],
    ['{a: .number} | .a', 'an integer'],
    ['if .number > 1 then "big" else 0 end', '"big" or 0'],
    ['.labels[] | .name', 'a string or null'],
    ['$n', '1'],
    ['. as $x | $x.number', 'an integer'],
    ['[.labels[].name] | first', 'a string or null'],
    ['.number, .title', 'an integer, a string or null'],
    ['reduce .labels[] as $l (0; . + 1)', 'anything'],
    ['.title?', 'a string or null'],
  ])('%s is %s', (text, type) => expect(infer(text)).toBe(type));

  it.each([
    ['.number.x', 'fails', 7],
    ['.number[]', 'fails', 0],
    ['.labels + 1', 'fails', 0],
    ['.titel', 'absent', 0],
  ])('notes that %s %s', (text, kind, at) => {
    const notes: TypeNote[] = [];
    infer(text, notes);
    expect(notes).toMatchObject([{ kind, at }]);
  });

  it('covers whatever an expression yields', () => {
    const value = fc.letrec<{ value: Json }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 2 },
        fc.constantFrom<Json>(null, true, false, 0, 1, -2.5, '', 'ab'),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom('a', 'b'), tie('value'), { maxKeys: 2, noNullPrototype: true }),
      ),
    })).value;
    const text = fc.letrec<{ text: string }>((tie) => {
      const of = (build: (a: string, b: string) => string) =>
        fc.tuple(tie('text'), tie('text')).map(([a, b]) => build(a, b));
      return {
        text: fc.oneof(
          { maxDepth: 3 },
          fc.constantFrom(
            '.',
            '.a',
            '.b',
            '.[0]',
            '.[-1]',
            '.[]',
            '1',
            '"x"',
            'null',
            'true',
            '$v',
            '.[1:]',
            'length',
            'not',
            'type',
          ),
          fc.constantFrom(
            'keys',
            'add',
            'sort',
            'min',
            'first',
            'tostring',
            'to_entries',
            'empty',
            'reverse',
            '.a?',
            'any',
          ),
          of((a, b) => `(${a} | ${b})`),
          of((a, b) => `(${a}, ${b})`),
          of((a, b) => `(${a} // ${b})`),
          of((a, b) => `(${a} + ${b})`),
          of((a, b) => `(${a} * ${b})`),
          of((a, b) => `(${a} - ${b})`),
          of((a, b) => `(${a} == ${b})`),
          of((a, b) => `(${a} and ${b})`),
          of((a, b) => `{a: ${a}, b: ${b}}`),
          of((a, b) => `(if ${a} then ${b} else . end)`),
          of((a, b) => `(${a} as $v | ${b})`),
          of((a, b) => `[${a}, ${b}]`),
          tie('text').map((a) => `map(${a})`),
          tie('text').map((a) => `(try ${a} catch .)`),
          tie('text').map((a) => `select(${a})`),
          tie('text').map((a) => `"t\\(${a})"`),
        ),
      };
    }).text;
    let results = 0;
    fc.assert(
      fc.property(text, value, value, (program, input, other) => {
        const compiled = compileProgram(program);
        const scope = {
          input: union(typeOfValue(input), typeOfValue(other)),
          variables: new Map([['v', typeOfValue(other)]]),
        };
        const type = inferType(compiled.ast, scope);
        let output: Json;
        try {
          output = runProgram(compiled, { budget: new InlineBudget(), globals: { v: other }, now: 0 }, input);
        } catch {
          return;
        }
        results += 1;
        const isCovered = Number.isNaN(output) || assignability(typeOfValue(output), type) !== 'never';
        if (!isCovered)
          throw new Error(
            `${program} on ${JSON.stringify(input)} gave ${JSON.stringify(output)}, not ${describeType(type)}`,
          );
      }),
      { numRuns: process.env['LONG_TESTS'] ? 50_000 : 1_500 },
    );
    expect(results).toBeGreaterThan(300);
  });
});
