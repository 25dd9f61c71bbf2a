import { skeleton } from '../surface/readings';
import type { SurfaceRule } from './rule';

/** Names of tools of different servers that a reader takes for the same. */
export const lookAlikeName: SurfaceRule = {
  id: 'surface/look-alike-name',
  family: 'surface',
  target: 'tool',
  title: 'A tool name imitates another',
  level: 'error',
  confidence: 'medium',
  explanation:
    'The name looks like that of a tool of another server but is not the same: letters of another alphabet, 0 for o, l for I, rn for m, or one letter off. A model or a person may pick the wrong one.',
  cwe: [1007, 290],
  owasp: ['MCP03', 'MCP09'],
  *check({ name, server }, { serversByName }) {
    if (/[^\p{ASCII}]/u.test(name) && mixesScripts(name))
      yield { pointer: '/name', message: `"${name}" mixes letters of several alphabets`, evidence: skeleton(name) };
    const own = folded(name);
    for (const [other, servers] of serversByName) {
      if (other === name || (servers.size === 1 && servers.has(server))) continue;
      // Whoever uses the plainer letters is the original.
      if (folded(other) === own && disguised(name) >= disguised(other) && !sameWords(name, other)) {
        yield {
          pointer: '/name',
          message: `"${name}" looks like "${other}" of ${[...servers].join(', ')}`,
          evidence: other,
        };
        return;
      }
      if (oneLetterOff(name, other)) {
        yield {
          pointer: '/name',
          message: `"${name}" is one letter off "${other}" of ${[...servers].join(', ')}`,
          evidence: other,
        };
        return;
      }
    }
  },
  examples: {
    bad: [
      [
        { server: 'evil', name: 'send_emai1' },
        { server: 'mail', name: 'send_email' },
      ],
      [
        { server: 'evil', name: 'reаd_file' },
        { server: 'fs', name: 'read_file' },
      ],
      [
        { server: 'evil', name: 'send_emial' },
        { server: 'mail', name: 'send_email' },
      ],
    ],
    good: [
      [
        { server: 'a', name: 'get_issue' },
        { server: 'b', name: 'get_issues' },
      ],
      [
        { server: 'a', name: 'read-file' },
        { server: 'b', name: 'read_file' },
      ],
      [
        { server: 'a', name: 'search' },
        { server: 'b', name: 'search' },
      ],
    ],
  },
};

function mixesScripts(name: string): boolean {
  const scripts = [/\p{Script=Latin}/u, /\p{Script=Cyrillic}/u, /\p{Script=Greek}/u, /\p{Script=Armenian}/u];
  return scripts.filter((script) => script.test(name)).length > 1;
}

/** Equal for names that look alike. */
function folded(name: string): string {
  return skeleton(name)
    .replace(/rn/g, 'm')
    .replace(/vv/g, 'w')
    .replace(/cl/g, 'd')
    .replace(/[1|!il]/g, 'l')
    .replace(/0/g, 'o')
    .replace(/5/g, 's')
    .replace(/[^a-z0-9]/g, '');
}

const disguised = (name: string) => (name.match(/[^a-z_-]/gi) ?? []).length;

/** `read-file`, `read_file` and `readFile`: conventions, not imitation. */
const sameWords = (a: string, b: string) =>
  a.toLowerCase().replace(/[^a-z0-9]/g, '') === b.toLowerCase().replace(/[^a-z0-9]/g, '');

function oneLetterOff(a: string, b: string): boolean {
  if (Math.min(a.length, b.length) < 7 || Math.abs(a.length - b.length) > 1) return false;
  let start = 0;
  while (start < a.length && a[start] === b[start]) start++;
  const restA = a.slice(start);
  const restB = b.slice(start);
  // A whole word more or less, a plural or a number is a name of its own.
  const letters = (text: string) => /^[a-z]*$/i.test(text);
  if (restA.length === restB.length) {
    const swapped = restA[0] === restB[1] && restA[1] === restB[0] && restA.slice(2) === restB.slice(2);
    return swapped && letters(restA.slice(0, 2));
  }
  const [long, short] = restA.length > restB.length ? [restA, restB] : [restB, restA];
  const doubled = long.slice(1) === short && start > 0 && long[0] === a[start - 1];
  return doubled && letters(long.slice(0, 1)) && short !== '';
}
