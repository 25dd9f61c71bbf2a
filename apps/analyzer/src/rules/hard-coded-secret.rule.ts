import { LANGUAGE_IDS } from '../engine/languages';
import { isNamedSecret, keyIn } from '../engine/secrets';
import type { SyntaxTree } from '../engine/syntax-tree';
import type { CodeRule } from './rule';

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
      const key = keyIn(text);
      if (key !== undefined) {
        if (!/EXAMPLE|example/.test(text)) yield { node, message: `this looks like ${key}` };
        continue;
      }
      const name = nameOf(tree, node);
      if (isNamedSecret(name, text.replace(/^[brfu]*['"`]|['"`]$/gi, '')))
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
