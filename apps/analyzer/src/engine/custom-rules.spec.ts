import { readCode } from './code-file';
import { checkCustomRule, runCustomRules, type CustomRule } from './custom-rules';
import type { LanguageId } from './languages';

const rule = (regex: string): CustomRule => ({
  id: 'custom/regex',
  language: 'javascript',
  message: 'found',
  level: 'warning',
  rule: { kind: 'string_fragment', regex },
});

/** Patterns that take a backtracking engine longer than the universe is old, and a text that almost matches. */
const SLOW: [pattern: string, text: string][] = [
  ['^(a+)+$', `${'a'.repeat(50_000)}!`],
  ['^(a|a)*$', `${'a'.repeat(50_000)}!`],
  ['^(\\w+\\s?)*$', `${'word '.repeat(10_000)}!`],
  ['^(([a-z])+.)+[A-Z]([a-z])+$', 'a'.repeat(50_000)],
  ['(x+x+)+y', 'x'.repeat(50_000)],
  ['^(?:.*a){20}$', 'a'.repeat(50_000) + 'b'],
];

it.each(SLOW)('runs the regular expression %s of a custom rule in linear time', async (pattern, text) => {
  expect(checkCustomRule(rule(pattern))).toBe('');
  const started = performance.now();
  runCustomRules(await readCode('a.js', 'javascript', `const a = '${text}';`), [rule(pattern)]);
  expect(performance.now() - started).toBeLessThan(30_000);
});

const inside = (context: string, selector: string) => ({ pattern: { context, selector } });

it.each<[LanguageId, CustomRule['rule'], source: string, found: string]>([
  ['javascript', { pattern: 'eval($A)' }, 'const f = () => eval(x);', 'eval(x)'],
  ['typescript', { pattern: '$A as any' }, 'const f = (x: string) => x as any;', 'x as any'],
  ['tsx', { pattern: '<b>$$$</b>' }, 'const f = () => <i><b>x</b></i>;', '<b>x</b>'],
  ['python', { pattern: 'eval($A)' }, 'def f():\n  return eval(x)\n', 'eval(x)'],
  [
    'go',
    inside('func f() { fmt.Println($A) }', 'call_expression'),
    'package p\nfunc f() { fmt.Println(1) }',
    'fmt.Println(1)',
  ],
  ['java', { pattern: 'System.exit($A)' }, 'class A { void f() { System.exit(1); } }', 'System.exit(1)'],
  ['csharp', { pattern: 'Console.Write($A)' }, 'class A { void f() { Console.Write(1); } }', 'Console.Write(1)'],
  ['rust', { pattern: '$A.unwrap()' }, 'fn f() { x.unwrap(); }', 'x.unwrap()'],
  ['php', inside('<?php evil($A);', 'function_call_expression'), '<?php function f() { evil(1); }', 'evil(1)'],
  ['ruby', { pattern: 'eval($A)' }, 'def f\n  eval(x)\nend\n', 'eval(x)'],
  ['cpp', { pattern: 'strcpy($A, $B)' }, 'void f() { strcpy(a, b); }', 'strcpy(a, b)'],
  ['bash', { pattern: 'eval $A' }, 'f() { eval "$x"; }', 'eval "$x"'],
])('looks for structures of %s', async (language, structure, source, found) => {
  const custom: CustomRule = { id: 'custom/x', language, message: 'found', level: 'error', rule: structure };
  expect(checkCustomRule(custom)).toBe('');
  expect(checkCustomRule({ ...custom, rule: { kind: 'no_such_kind' } })).not.toBe('');
  const hits = runCustomRules(await readCode('a', language, source), [custom]);
  expect(hits.map(({ evidence, ruleId }) => [evidence, ruleId])).toEqual([[found, 'custom/x']]);
});

it('finds what such a rule is for', async () => {
  const file = await readCode('a.js', 'javascript', "const a = 'aaaa'; const b = 'aab';");
  expect(runCustomRules(file, [rule('^(a+)+$')]).map(({ evidence }) => evidence)).toEqual(['aaaa']);
});

it.each(['(a)\\1', '(?=a)a', '(?<!b)a', 'a{1,100000}{1,100000}', '('])(
  'refuses the regular expression %s, which has no linear form',
  (pattern) => {
    expect(checkCustomRule(rule(pattern))).not.toBe('');
  },
);
