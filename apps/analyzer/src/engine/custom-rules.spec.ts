import { readCode } from './code-file';
import { checkCustomRule, runCustomRules, type CustomRule } from './custom-rules';

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
