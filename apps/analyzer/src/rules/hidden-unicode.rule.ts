import { INVISIBLE } from '../surface/readings';
import type { SurfaceRule } from './rule';

const EMOJI_SEQUENCE =
  /\p{Extended_Pictographic}(?:\uFE0F|\uFE0E)?(?:\u200D\p{Extended_Pictographic}\uFE0F?)*|[#*0-9]\uFE0F\u20E3|\p{Regional_Indicator}{2}/gu;
// Joiners are ordinary letters of the scripts that need them.
const JOINED_SCRIPT =
  /[\p{Script=Arabic}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Tamil}\p{Script=Malayalam}][\u200C\u200D]/gu;
// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const CONTROL = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]|[\uE000-\uF8FF]/gu;

/** Text that a model reads and a person does not see. */
export const hiddenUnicode: SurfaceRule = {
  id: 'surface/hidden-unicode',
  family: 'surface',
  target: 'tool',
  title: 'Invisible characters in a tool definition',
  level: 'error',
  confidence: 'high',
  explanation:
    'The definition contains characters that no screen shows (zero-width, bidirectional controls, tag characters, terminal controls). A model reads them; whoever approved the tool did not. Remove them, or find out who put them there.',
  cwe: [1007, 451],
  owasp: ['MCP03'],
  *check({ sites }) {
    for (const { pointer, text } of sites) {
      const rest = text
        .replace(EMOJI_SEQUENCE, '')
        .replace(JOINED_SCRIPT, '')
        .replace(/^\uFEFF/, '');
      const found = [...(rest.match(INVISIBLE) ?? []), ...(rest.match(CONTROL) ?? [])];
      if (found.length === 0) continue;
      const names = [
        ...new Set(
          found.map((character) => `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`),
        ),
      ];
      yield {
        pointer,
        message: `${found.length} invisible character(s): ${names.slice(0, 6).join(', ')}`,
        evidence: names.slice(0, 12).join(' '),
      };
    }
  },
  examples: {
    bad: [
      { description: 'Adds two numbers.\u200B\u200B' },
      { description: 'Adds.\u{E0069}\u{E0067}' },
      { title: 'Good\u202Edab' },
      { description: '\u001b[8mhidden\u001b[0m' },
    ],
    good: [
      { description: 'Sends a 👩‍💻 to the team ❤️, with é and 日本語' },
      { description: 'می‌خواهم' },
      { description: 'Line one\n\tline two' },
    ],
  },
};
