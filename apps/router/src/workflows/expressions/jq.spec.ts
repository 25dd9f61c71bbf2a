import type { Json } from '../definition/json';
import { compileNode } from './compiler/compiler';
import { parseJq } from './parser';
import { ExpressionFault } from './syntax';

/** All outputs of a program, as JSON texts. */
function run(program: string, input: Json = null): string[] {
  const outputs: string[] = [];
  const budget = { tick: () => undefined, build: () => undefined };
  const context = { budget, globals: { name: 'Ada' }, now: 1_425_599_621_000 };
  compileNode(parseJq(program)).run(context, null, input, null, (value) => outputs.push(JSON.stringify(value)));
  return outputs;
}

/** Program, input, outputs: the behaviour that jq's manual describes. */
const BEHAVIOUR: Record<string, [program: string, input: Json, ...outputs: Json[]][]> = {
  'paths and iteration': [
    ['.', { a: 1 }, { a: 1 }],
    ['.a.b', { a: { b: 2 } }, 2],
    ['.a.b', { a: null }, null],
    ['.["a b"]', { 'a b': 3 }, 3],
    ['."a b"', { 'a b': 3 }, 3],
    ['.a["b"].c', { a: { b: { c: 4 } } }, 4],
    ['.[0]', [7, 8], 7],
    ['.[-1]', [7, 8], 8],
    ['.[5]', [7, 8], null],
    ['.[1.7]', [7, 8], 8],
    ['.[1:3]', [1, 2, 3, 4], [2, 3]],
    ['.[:-1]', [1, 2, 3], [1, 2]],
    ['.[2:]', 'abcd', 'cd'],
    ['.[:2]', 'a😀b', 'a😀'],
    ['.[]', [1, 2], 1, 2],
    ['.[]', { a: 1, b: 2 }, 1, 2],
    ['.[]?', 5],
    ['.a?', 5],
    ['.a[] | .b?', { a: [{ b: 1 }, 5, { b: 2 }] }, 1, 2],
    ['..', [[1]], [[1]], [1], 1],
    ['.[1,0]', ['x', 'y'], 'y', 'x'],
    ['.. | .a?', [[{ a: 1 }]], 1],
    ['.constructor', {}, null],
    ['has("__proto__")', {}, false],
  ],
  operators: [
    ['. + 1', 1, 2],
    ['. + null', 1, 1],
    ['[1] + [2]', null, [1, 2]],
    ['{a: 1} + {b: 2, a: 3}', null, { a: 3, b: 2 }],
    ['"a" + "b"', null, 'ab'],
    ['[1, 2, 1, 3] - [1, 3]', null, [2]],
    ['10 / 4, 7 % 3, -7 % 3, 7 % -3', null, 2.5, 1, -1, 1],
    ['"a, b" / ", "', null, ['a', 'b']],
    ['{a: {b: 1, c: 2}} * {a: {c: 3}}', null, { a: { b: 1, c: 3 } }],
    ['"ab" * 3, "ab" * 0', null, 'ababab', ''],
    ['(1, 2) + (10, 20)', null, 11, 12, 21, 22],
    ['1 - 1 - 1', null, -1],
    ['-(1 + 2)', null, -3],
    ['-1 - -1', null, 0],
    ['1, 2 | . * 10', null, 10, 20],
    ['[.[] == 1]', [1, 1.0, '1'], [true, true, false]],
    ['null < false, false < true, true < 0, 0 < "", "" < [], [] < {}', null, true, true, true, true, true, true],
    ['[{b: 1}, {a: 2}, {a: 1}] | sort', null, [{ a: 1 }, { a: 2 }, { b: 1 }]],
    ['(true, false) and (true, false)', null, true, false, false],
    ['false or false, true or error', null, false, true],
    ['[true, null | not]', null, [false, true]],
    ['.a // "none"', { a: false }, 'none'],
    ['(false, null, 1, 2) // 9', null, 1, 2],
    ['empty // 9', null, 9],
    ['first(.a, .b) // 9', { a: null, b: 1 }, 9],
    ['.a = .b // 1', { b: null }, { b: null, a: null }],
    ['if . then "yes" else "no" end', 0, 'yes'],
    ['if . then "yes" end', null, null],
    ['if . == 1 then "one" elif . == 2 then "two" else "many" end', 2, 'two'],
    ['[if (true, false) then 1 else 2 end]', null, [1, 2]],
  ],
  construction: [
    ['[.a[]]', { a: [1, 2] }, [1, 2]],
    ['[]', null, []],
    ['{a: 1, "b": 2, (.k): 3}', { k: 'c' }, { a: 1, b: 2, c: 3 }],
    ['{a, b: .a}', { a: 1 }, { a: 1, b: 1 }],
    ['{$name}', null, { name: 'Ada' }],
    ['{a: (1, 2)}', null, { a: 1 }, { a: 2 }],
    ['{a: (1, 2), b: (3, 4)} | [.a, .b]', null, [1, 3], [1, 4], [2, 3], [2, 4]],
    ['{"x\\(1 + 1)": 1}', null, { x2: 1 }],
    ['{if: 1, and: 2} | .if + .and', null, 3],
    ['"a\\(1, 2)b"', null, 'a1b', 'a2b'],
    ['"\\(.a) and \\(.b)"', { a: [1], b: 'x' }, '[1] and x'],
    ['"\\u00e9\\n\\"" | length', null, 3],
  ],
  'variables, functions and loops': [
    ['. as $x | [$x, $x + 1]', 1, [1, 2]],
    ['. as [$a, [$b]] | $a + $b', [1, [2]], 3],
    ['. as {a: $x, b: [$y]} | [$x, $y]', { a: 1, b: [2] }, [1, 2]],
    ['. as {$a, $b: [$c]} | [$a, $b, $c]', { a: 1, b: [2] }, [1, [2], 2]],
    ['.[] as [$a] ?// $a | [$a]', [[1], 2], [1], [2]],
    ['1 + 2 as $x | $x * 10', null, 21],
    ['def twice: . * 2; twice | twice', 3, 12],
    ['def add2(f; $n): f + $n; add2(.a; 10)', { a: 1 }, 11],
    ['def fac: if . < 2 then 1 else . * (. - 1 | fac) end; fac', 5, 120],
    ['def f(g): [g, g]; f(.[])', [1, 2], [1, 2, 1, 2]],
    ['def f($a; $b): [$a, $b]; f(1, 2; 3, 4)', null, [1, 3], [1, 4], [2, 3], [2, 4]],
    ['reduce .[] as $x (0; . + $x)', [1, 2, 3], 6],
    ['reduce .[] as [$k, $v] ({}; .[$k] = $v)', [['a', 1]], { a: 1 }],
    ['[foreach .[] as $x (0; . + $x)]', [1, 2, 3], [1, 3, 6]],
    [
      '[foreach .[] as $x (0; . + $x; [$x, .])]',
      [1, 2],
      [
        [1, 1],
        [2, 3],
      ],
    ],
    ['[limit(3; repeat(. * 2))]', 1, [1, 2, 4]],
    [
      '[range(5)], [range(2; 4)], [range(0; 10; 3)], [range(3; 0; -1)]',
      null,
      [0, 1, 2, 3, 4],
      [2, 3],
      [0, 3, 6, 9],
      [3, 2, 1],
    ],
    ['[.[] | until(. > 100; . * 2)]', [1, 30], [128, 120]],
    ['[while(. < 20; . * 2)]', 1, [1, 2, 4, 8, 16]],
    ['[recurse(if . < 3 then . + 1 else empty end)]', 0, [0, 1, 2, 3]],
    ['label $out | 1, break $out, 2', null, 1],
    ['[label $f | range(10) | ., (select(. == 1) | break $f)]', null, [0, 1]],
    ['first(range(10)), [skip(8; range(10))], nth(3; range(10)), last(range(4))', null, 0, [8, 9], 3, 3],
    ['isempty(empty), isempty(1)', null, true, false],
    ['[.[] | select(. > 1)]', [1, 2, 3], [2, 3]],
    ['any, all, any(. > 2), all(. > 0)', [1, 2], true, true, false, true],
  ],
  errors: [
    ['try error("oops") catch .', null, 'oops'],
    ['try error({a: 1}) catch .a', null, 1],
    ['try error(null) catch .', null, null],
    ['[.[] | try tonumber catch "bad"]', ['1', 'x'], [1, 'bad']],
    ['[.[] | (1 / .)?]', [1, 0, 2], [1, 0.5]],
    ['try (try error("a") catch error("b")) catch .', null, 'b'],
    ['try ((1, 2) | if . == 2 then error("two") else . end) catch .', null, 1, 'two'],
    ['[(1, 2) as $x | try $x catch 9]', null, [1, 2]],
    ['try ([1] | .["a"]) catch .', null, 'Cannot index array with string ("a")'],
    ['try ({} | .[0]) catch .', null, 'Cannot index object with number (0)'],
    ['try (null | .[]) catch .', null, 'Cannot iterate over null'],
    ['try ([] + {}) catch .', null, 'array ([]) and object ({}) cannot be added'],
    ['try (1 / 0) catch .', null, 'number (1) and number (0) cannot be divided because the divisor is zero'],
    ['try error catch .', 'mine', 'mine'],
  ],
  'paths and updates': [
    ['.a = 1', { a: 0, b: 2 }, { a: 1, b: 2 }],
    ['.a = (1, 2)', {}, { a: 1 }, { a: 2 }],
    ['.a.b.c = 1', null, { a: { b: { c: 1 } } }],
    ['.[2] = 1', [0], [0, null, 1]],
    ['.[] += 1', [1, 2], [2, 3]],
    ['.a |= . + 1', { a: 1 }, { a: 2 }],
    ['.[] |= empty', [1, 2, 3], []],
    ['(.[] | select(. > 1)) |= empty', [1, 2, 3], [1]],
    ['.a //= 5', { a: null }, { a: 5 }],
    ['.a -= 1 | .b *= 2 | .c /= 2 | .d %= 3', { a: 1, b: 2, c: 4, d: 5 }, { a: 0, b: 4, c: 2, d: 2 }],
    ['.[1:3] = ["x"]', [1, 2, 3, 4], [1, 'x', 4]],
    ['(.a, .b) = 9', { a: 1, b: 2 }, { a: 9, b: 9 }],
    ['del(.a, .b[0])', { a: 1, b: [1, 2] }, { b: [2] }],
    ['del(.[0, 2], .[-1])', [1, 2, 3, 4], [2]],
    ['del(.[1:])', [1, 2, 3], [1]],
    ['to_entries', { a: 1 }, [{ key: 'a', value: 1 }]],
    ['from_entries', [{ key: 'a', value: 1 }, { name: 'b' }], { a: 1, b: null }],
    ['with_entries(.value += 1)', { a: 1 }, { a: 2 }],
    ['[paths]', { a: [1] }, [['a'], ['a', 0]]],
    ['[paths(type == "number")]', { a: [1] }, [['a', 0]]],
    ['[path(..)]', [[1]], [[], [0], [0, 0]]],
    ['path(.a | first(.b, .c))', null, ['a', 'b']],
    ['getpath(["a", 0])', { a: [5] }, 5],
    ['setpath(["a", 0]; 5)', null, { a: [5] }],
    ['delpaths([["a"], ["b", 0]])', { a: 1, b: [1] }, { b: [] }],
    ['pick(.a.b)', { a: { b: 1, c: 2 }, d: 3 }, { a: { b: 1 } }],
    ['map_values(. + 1), map(. + 1)', { a: 1 }, { a: 2 }, [2]],
    ['walk(if type == "number" then . + 1 else . end)', [1, { a: 2 }], [2, { a: 3 }]],
    ['[tostream]', { a: [1] }, [[['a', 0], 1], [['a', 0]], [['a']]]],
    ['fromstream(tostream)', { a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }],
    ['[1 | truncate_stream([[0], 1], [[1, 0], 2])]', null, [[[0], 2]]],
  ],
  'lists and objects': [
    ['length', [1, 2], 2],
    ['[.[] | length]', [null, 'é😀', -3, { a: 1 }], [0, 2, 3, 1]],
    ['keys, keys_unsorted', { b: 1, a: 2 }, ['a', 'b'], ['b', 'a']],
    ['has("a"), has("z")', { a: null }, true, false],
    ['[.[] | in({a: 1})]', ['a', 'b'], [true, false]],
    ['contains(["ar"]), contains(["xy"])', ['bar', 'foo'], true, false],
    ['contains({a: 12, b: [{c: 12}]})', { a: 12, b: [1, 2, { c: 12, d: 1 }] }, true],
    ['inside([1, 2, 3])', [1, 2], true],
    ['add, add(.[] * 2)', [1, 2], 3, 6],
    ['add', [], null],
    ['flatten, flatten(1)', [1, [2, [3]]], [1, 2, 3], [1, 2, [3]]],
    ['sort, sort_by(-.), min, max, reverse', [3, 1, 2], [1, 2, 3], [3, 2, 1], 1, 3, [2, 1, 3]],
    [
      'sort_by(.a, .b) | map(.b)',
      [
        { a: 1, b: 2 },
        { a: 1, b: 1 },
        { a: 0, b: 3 },
      ],
      [3, 1, 2],
    ],
    ['group_by(.a) | map(length)', [{ a: 1 }, { a: 2 }, { a: 1 }], [2, 1]],
    ['unique, unique_by(length)', ['aa', 'b', 'aa', 'cc'], ['aa', 'b', 'cc'], ['b', 'aa']],
    ['min_by(.a).a, max_by(.a).a', [{ a: 2 }, { a: 1 }], 1, 2],
    ['[min, max]', [], [null, null]],
    [
      'transpose',
      [[1], [2, 3]],
      [
        [1, 2],
        [null, 3],
      ],
    ],
    [
      '[combinations]',
      [
        [1, 2],
        [3, 4],
      ],
      [
        [1, 3],
        [1, 4],
        [2, 3],
        [2, 4],
      ],
    ],
    [
      '[combinations(2)]',
      [0, 1],
      [
        [0, 0],
        [0, 1],
        [1, 0],
        [1, 1],
      ],
    ],
    ['bsearch(2), bsearch(5)', [1, 2, 3], 1, -4],
    ['indices(1), index(1), rindex(1), indices([1, 2])', [1, 2, 1, 2], [0, 2], 0, 2, [0, 2]],
    ['indices(", ")', 'a, b, c', [1, 4]],
    ['first, last, nth(1)', [7, 8, 9], 7, 9, 8],
    ['INDEX(.id)', [{ id: 1, v: 'a' }], { 1: { id: 1, v: 'a' } }],
    ['IN(2, 3), (2 | IN(2, 3))', 1, false, true],
    ['toarray', 1, [1]],
    ['[.[] | type]', [null, true, 1, 'a', [], {}], ['null', 'boolean', 'number', 'string', 'array', 'object']],
    ['map(values), map(scalars), map(iterables)', [1, null, [2]], [1, [2]], [1, null], [[2]]],
  ],
  texts: [
    ['tostring, (1 | tostring), ([1] | tostring)', 'a', 'a', '1', '[1]'],
    ['[.[] | tonumber]', ['1', '-2.5e1', 3], [1, -25, 3]],
    ['[.[] | toboolean]', ['true', false], [true, false]],
    ['tojson, (tojson | fromjson)', { a: [1.0, null] }, '{"a":[1,null]}', { a: [1, null] }],
    ['ascii_downcase, ascii_upcase', 'aBé', 'abé', 'ABé'],
    ['startswith("a"), endswith("c")', 'abc', true, true],
    ['ltrimstr("a"), rtrimstr("c"), trimstr("x")', 'abc', 'bc', 'ab', 'abc'],
    ['trim, ltrim, rtrim', ' a ', 'a', 'a ', ' a'],
    ['explode, (explode | implode)', 'aé', [97, 233], 'aé'],
    ['split(", ")', 'a, b', ['a', 'b']],
    ['join("-")', ['a', 1, null, true], 'a-1--true'],
    ['utf8bytelength', 'é', 2],
    ['test("B"; "i"), test(["b", "x"])', 'abc', true, true],
    [
      '[match("(?<l>[a-z])(?<d>\\\\d)?"; "g") | [.offset, .length, .captures[1].string]]',
      'a1é b',
      [
        [0, 2, '1'],
        [4, 1, null],
      ],
    ],
    ['capture("(?<y>\\\\d+)-(?<m>\\\\d+)")', '2024-05', { y: '2024', m: '05' }],
    ['[scan("[a-c]")], [scan("(a)(b)")]', 'abc', ['a', 'b', 'c'], [['a', 'b']]],
    ['[splits(", *")], split("B"; "i")', 'aBc, d', ['aBc', 'd'], ['a', 'c, d']],
    ['sub("(?<x>b+)"; "[\\(.x)]"), gsub("b"; "x")', 'abbab', 'a[bb]ab', 'axxax'],
    ['[gsub("p"; "a", "b")]', 'p', ['a', 'b']],
    ['gsub(""; "-")', 'ab', '-a-b-'],
    [
      '@base64, (@base64 | @base64d), @uri, @html, @sh, @json, @text',
      "a<'é",
      'YTwnw6k=',
      "a<'é",
      'a%3C%27%C3%A9',
      'a&lt;&#39;é',
      "'a<'\\''é'",
      '"a<\'é"',
      "a<'é",
    ],
    ['@csv, @tsv', [1, 'a"b', null, true], '1,"a""b",,true', '1\ta"b\t\ttrue'],
    ['@base32, (@base32 | @base32d)', 'hello', 'NBSWY3DP', 'hello'],
    ['@uri "q=\\(.)"', 'a b', 'q=a%20b'],
    ['ascii', 65, 'A'],
  ],
  'numbers and time': [
    ['[.[] | floor, ceil, round, fabs]', [-1.5], [-2, -1, -2, 1.5]],
    ['sqrt, pow(2; 10), log2', 16, 4, 1024, 4],
    ['[infinite, -infinite | isinfinite], (nan | isnan)', null, [true, true], true],
    ['[nan] | sort', null, [null]],
    ['nan < nan, nan == nan', null, true, false],
    ['1e1000 | . > 1e300', null, true],
    ['abs', -5, 5],
    ['todate, (todate | fromdate)', 1_425_599_621, '2015-03-05T23:53:41Z', 1_425_599_621],
    ['gmtime, (gmtime | mktime)', 1_425_599_621, [2015, 2, 5, 23, 53, 41, 4, 63], 1_425_599_621],
    ['strptime("%d/%m/%Y %H:%M") | mktime', '05/03/2015 23:53', 1_425_599_580],
    ['strftime("%A, %B %d, %Y week %V day %j")', 1_425_599_621, 'Thursday, March 05, 2015 week 10 day 064'],
    ['now | todate', null, '2015-03-05T23:53:41Z'],
  ],
};

describe('jq', () => {
  for (const [topic, cases] of Object.entries(BEHAVIOUR))
    describe(topic, () => {
      it.each(cases.map(([program, input, ...outputs]) => [program, input, outputs] as const))(
        '%s',
        (program, input, outputs) => {
          expect(run(program, input).map((text) => JSON.parse(text) as Json)).toEqual(outputs);
        },
      );
    });

  it.each([
    ['.a |', 4, 'ends too early'],
    ['{a: 1', 5, '`}` was expected'],
    ['1 + ', 4, 'ends too early'],
    ['.a b', 3, 'Unexpected `b`'],
    ['"abc', 0, 'not closed'],
    ['"a\\q"', 2, 'Unknown escape'],
    ['[1, 2', 5, '`]` was expected'],
    ['if 1 then 2', 11, '`end` was expected'],
    ['.a = 1 = 2', 7, 'Unexpected `=`'],
    ['1 == 2 == 3', 7, 'Unexpected `==`'],
    ['{(1): 2}', 1, 'name of a property'],
    ['', 0, 'empty'],
    ['~', 0, 'Unexpected character'],
  ])('says where %j cannot be read', (program, at, message) => {
    expect(() => run(program)).toThrow(
      expect.objectContaining({ kind: 'syntax', at, message: expect.stringContaining(message) }),
    );
  });

  it.each([
    'input',
    'inputs',
    'debug',
    'env',
    '$ENV',
    'stderr',
    'halt',
    'input_line_number',
    'localtime',
    'import "a" as b; .',
  ])('refuses %s before it runs', (program) => {
    expect(() => compileNode(parseJq(program))).toThrow(expect.objectContaining({ kind: 'forbidden' }));
  });

  it('refuses a function that does not exist, with its place', () => {
    expect(() => run('.a | foo(1)')).toThrow(expect.objectContaining({ kind: 'unknown', at: 5 }));
    expect(() => run('constructor')).toThrow(expect.objectContaining({ kind: 'unknown', at: 0 }));
  });

  it('refuses a regular expression that would need backtracking', () => {
    expect(() => run('test("(?=a)b")', 'ab')).toThrow(expect.objectContaining({ kind: 'regex' }));
  });

  it('says where in the program a value did not fit', () => {
    expect(() => run('{x: .a} | .x.b + 1', { a: { b: 'text' } })).toThrow(
      expect.objectContaining({ kind: 'runtime', at: 10 }),
    );
  });

  it('keeps __proto__ an ordinary property', () => {
    expect(run('. + {"__proto__": 1} | keys', { a: 1 })).toEqual(['["__proto__","a"]']);
    expect(run('.["__proto__"] = {"x": 1} | .x', {})).toEqual(['null']);
    expect(run('.__proto__', {})).toEqual(['null']);
  });

  it('is bounded in the nesting of its source', () => {
    for (const text of [
      '('.repeat(5_000),
      '['.repeat(5_000),
      '-'.repeat(5_000),
      '.a|'.repeat(5_000),
      'if 1 then '.repeat(5_000),
    ])
      expect(() => parseJq(text)).toThrow(ExpressionFault);
  });
});
