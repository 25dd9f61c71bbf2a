import { isExponential } from '../engine/regex-growth';
import type { CodeRule } from './rule';

/** Regular expressions that take exponential time on some inputs. */
export const slowRegex: CodeRule = {
  id: 'security/slow-regex',
  family: 'security',
  target: 'code',
  title: 'A regular expression can take for ever',
  level: 'warning',
  confidence: 'medium',
  languages: ['javascript', 'typescript', 'tsx', 'python'],
  explanation:
    'A repetition inside a repetition can match the same text in many ways; on a text that almost matches, all of them are tried. Write the inner part so that it can match in one way only, bound the repetition, or use an engine of linear time (RE2).',
  cwe: [1333],
  owasp: ['A05'],
  *check({ tree, language }) {
    const types = language === 'python' ? new Set(['string']) : new Set(['regex']);
    for (const node of tree.ofType(types)) {
      if (tree.end(node) - tree.start(node) > 2_000) continue;
      const text = tree.text(node);
      if (language === 'python' && !/^r/i.test(text)) continue;
      const body =
        language === 'python'
          ? text.replace(/^[a-z]*("""|'''|"|')/i, '').replace(/("""|'''|"|')$/, '')
          : text.slice(1, text.lastIndexOf('/'));
      if (isExponential(body)) yield { node, message: 'a repeated group can match the same text in more than one way' };
    }
  },
  examples: {
    bad: [
      { language: 'javascript', code: 'const a = /^(a+)+$/;' },
      { language: 'typescript', code: 'const a = /^(\\w+\\s?)*$/;' },
      { language: 'javascript', code: 'const a = /(x|x)*y/;' },
      { language: 'javascript', code: 'const a = /^([a-z]+)*@/;' },
      { language: 'python', code: 'import re\nre.compile(r"(.*)*x")\n' },
    ],
    good: [
      { language: 'javascript', code: 'const a = /^(a+b)+$/; const b = /^\\w+(\\s\\w+)*$/; const c = /(ab|cd)*x/;' },
      {
        language: 'javascript',
        code: 'const a = /^(?:[a-z]+-)*[a-z]+$/; const b = /a{1,3}/; const c = /(?:,\\s*\\d+)*/;',
      },
      { language: 'python', code: 'import re\nre.compile(r"(\\d+,)*\\d+")\n' },
    ],
  },
};
