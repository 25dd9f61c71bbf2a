import fc from 'fast-check';
import { isToolAllowed, matchesGlob } from './glob';

/** What a glob means, said with a regular expression (unsafe for patterns of users, right as an oracle). */
function oracle(pattern: string, text: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 's').test(text);
}

describe('globs over tool names', () => {
  it('match as their regular expression would', () => {
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '_', '*', '?', '.'), maxLength: 8 });
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '_', '.'), maxLength: 10 });
    fc.assert(
      fc.property(pattern, text, (glob, name) => expect(matchesGlob(glob, name)).toBe(oracle(glob, name))),
      { numRuns: 2000 },
    );
  });

  it('end soon on patterns that make regular expressions run for ever', () => {
    expect(matchesGlob(`${'*a'.repeat(50)}b`, 'a'.repeat(5000))).toBe(false);
  });

  it.each([
    ['github__get_issue', true],
    ['github__delete_repo', false],
    ['slack__post', false],
  ])('let deny win over allow: %s', (name, allowed) => {
    expect(isToolAllowed({ allow: ['github__*'], deny: ['*__delete_*'] }, name)).toBe(allowed);
  });
});
