import { LANGUAGE_IDS } from '../engine/languages';
import type { SyntaxTree } from '../engine/syntax-tree';
import type { CodeRule } from './rule';

/** Forms that only a key has. */
const KEYS: readonly [name: string, pattern: RegExp][] = [
  ['an AWS access key', /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/],
  ['a GitHub token', /\bgh[pousr]_[A-Za-z0-9]{36,255}\b|\bgithub_pat_\w{60,}\b/],
  ['a GitLab token', /\bglpat-[\w-]{20,}\b/],
  ['a Slack token', /\bxox[abprs]-[\w-]{10,}\b/],
  ['an npm token', /\bnpm_[A-Za-z0-9]{36}\b/],
  ['a Google API key', /\bAIza[\w-]{35}\b/],
  ['a Stripe key', /\b[sr]k_live_[A-Za-z0-9]{20,}\b/],
  ['an OpenAI or Anthropic key', /\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{32,}\b/],
  ['a private key', /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----[\s\S]{40,}/],
  ['a JSON Web Token', /\beyJ[\w-]{15,}\.eyJ[\w-]{15,}\.[\w-]{15,}\b/],
  [
    'a password in an address',
    /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/:@'"]{1,64}:(?!\$|<|\{|%|\*|x{3,}|pass|secret|changeme|example|user|test|admin|root|postgres)[^\s/@'"$<{]{6,64}@[^\s'"]{3,}/i,
  ],
];
const NAME =
  /(?:password|passwd|secret|api_?key|apikey|access_?key|auth_?token|private_?key|client_?secret|encryption_?key|credential|token)$/i;
const PLACEHOLDER =
  /example|changeme|change_me|placeholder|your[-_ ]|<|\{|\$|xxx|\*\*\*|test|dummy|sample|fake|todo|none|null|undefined|process\.env|^[a-z_ .:/-]+$|^[A-Z_]+$|password|secret|token/i;
const STRINGS = new Set([
  'string',
  'template_string',
  'interpreted_string_literal',
  'raw_string_literal',
  'string_literal',
  'encapsed_string',
  'verbatim_string_literal',
  'raw_string',
]);

/** Secrets in code are read by everyone who reads the code, for as long as its history lasts. */
export const hardCodedSecret: CodeRule = {
  id: 'security/hard-coded-secret',
  family: 'security',
  target: 'code',
  title: 'A secret stands in the code',
  level: 'error',
  confidence: 'high',
  languages: LANGUAGE_IDS,
  explanation:
    'The text has the form of a key or is given to a name that says secret. Whoever reads the code has it, also after it is deleted. Revoke it and read it from the environment or a secret store.',
  cwe: [798],
  owasp: ['A07', 'MCP01'],
  *check({ tree }) {
    for (const node of tree.ofType(STRINGS)) {
      if (!tree.isNamed(node)) continue;
      const text = tree.source.slice(tree.start(node), Math.min(tree.end(node), tree.start(node) + 4_000));
      const key = KEYS.find(([, pattern]) => pattern.test(text));
      if (key) {
        if (!/EXAMPLE|example/.test(text)) yield { node, message: `this looks like ${key[0]}` };
        continue;
      }
      const value = text.replace(/^[brfu]*['"`]|['"`]$/gi, '');
      if (
        value.length < 12 ||
        value.length > 200 ||
        PLACEHOLDER.test(value) ||
        entropy(value) < 3.2 ||
        /\s/.test(value)
      )
        continue;
      const name = nameOf(tree, node);
      if (NAME.test(name))
        yield { node, message: `"${name}" is given a value that looks like a secret`, confidence: 'medium' };
    }
  },
  examples: {
    bad: [
      { language: 'javascript', code: `const client = new S3({ accessKeyId: 'AKIAZ7QW4NXLPD5R2VTK' });` },
      { language: 'typescript', code: "const apiKey = 'q8Zr2Lw9Xv4Tn7Kb1Mc6';" },
      { language: 'python', code: 'DB_PASSWORD = "hT7#kq92Lmz!4xVw"\n' },
      { language: 'go', code: 'package p\nvar url = "postgres://svc:Kq8zL2pWv9@db.internal:5432/x"' },
    ],
    good: [
      {
        language: 'javascript',
        code: "const apiKey = process.env.API_KEY; const password = 'changeme-please'; const tokenType = 'bearer';",
      },
      { language: 'python', code: 'password = os.environ["PASSWORD"]\nsecret_name = "projects/x/secrets/db"\n' },
      {
        language: 'typescript',
        code: "const url = `postgres://${user}:${password}@localhost/x`;\nconst token = 'ACCESS_TOKEN';",
      },
    ],
  },
};

function nameOf(tree: SyntaxTree, node: number): string {
  const parent = tree.parent(node);
  for (const at of [parent, tree.parent(parent)])
    for (const field of ['name', 'left', 'key', 'declarator']) {
      const child = at < 0 ? -1 : tree.child(at, field);
      if (child >= 0 && child < node) return tree.text(child).replace(/['"]/g, '').slice(-60);
    }
  return '';
}

/** Bits for each character (Shannon). */
function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const letter of text) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}
