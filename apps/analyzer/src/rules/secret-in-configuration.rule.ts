import { isNamedSecret, keyIn } from '../engine/secrets';
import type { TextHit, TextRule } from './rule';

const MAX_LINE = 4_000;
const SAMPLE = /(?:^|[./_-])(?:example|sample|template|dist|fixtures?|defaults?)(?:[./_-]|$)/i;
const BEGIN_KEY = /-----BEGIN (?:[A-Z]{1,20} ){0,3}PRIVATE KEY-----/;
/** `name = value`, `name: value`, `"name": "value"`; several on a line, as in JSON without line breaks. */
const PAIR =
  /["']?([\w.-]{1,80})["']?\s{0,20}[:=]\s{0,20}(?:"([^"\\]{12,200})"|'([^'\\]{12,200})'|([^\s"',;#{}[\]]{12,200}))/g;

/** Settings are committed, copied into images and sent around more often than anyone remembers. */
export const secretInConfiguration: TextRule = {
  id: 'security/secret-in-configuration',
  family: 'security',
  target: 'text',
  title: 'A secret stands in a file of settings',
  level: 'error',
  confidence: 'medium',
  explanation:
    'A `.env`, YAML, JSON or similar file holds a text that has the form of a key, or a value under a name that says secret. Whoever has the file has it. Revoke it, keep the file out of the sources, and give the value through the environment or a secret store. Values of files that are examples by their name count only when they have the form of a real key.',
  cwe: [798, 260],
  owasp: ['A07', 'MCP01'],
  *check({ path, text }) {
    const isSample = SAMPLE.test(path);
    let number = 0;
    for (const line of text.split('\n')) {
      number++;
      const part = line.slice(0, MAX_LINE);
      const key = BEGIN_KEY.test(part) ? 'a private key' : keyIn(part);
      if (key !== undefined) {
        if (!/example/i.test(part))
          yield { ...place(number, part), message: `this looks like ${key}`, confidence: 'high' };
      } else if (!isSample && !/^\s*(?:#|\/\/|;)/.test(part)) yield* pairsOf(part, number);
    }
  },
  examples: {
    bad: [
      { '.env': 'PORT=3000\nSTRIPE_SECRET=q8Zr2Lw9Xv4Tn7Kb1Mc6\n' },
      { '.env.production': 'export AWS_ACCESS_KEY_ID=AKIAZ7QW4NXLPD5R2VTK\n' },
      { 'deploy/values.yaml': 'db:\n  host: db.internal\n  password: "hT7#kq92Lmz!4xVw"\n' },
      { 'config/app.json': '{"port":1,"jwt":{"clientSecret":"Zk2v9QpLx84mTn7Rw1Bc"}}' },
      { 'db.properties': 'spring.datasource.password=Kq8zL2pWv9Xr4T\n' },
      { 'compose.yml': 'environment:\n  DATABASE_URL: postgres://svc:Kq8zL2pWv9@db.internal:5432/x\n' },
      { '.npmrc': '//registry.npmjs.org/:_authToken=npm_a8Zr2Lw9Xv4Tn7Kb1Mc6Qp3Js5Hd0Fg2Ye4U\n' },
      { 'tls/server.key': '-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n' },
      { 'settings.toml': '[github]\ntoken = "ghp_a8Zr2Lw9Xv4Tn7Kb1Mc6Qp3Js5Hd0Fg2Ye4U"\n' },
    ],
    good: [
      { '.env.example': 'STRIPE_SECRET=q8Zr2Lw9Xv4Tn7Kb1Mc6\nAPI_KEY=your-key-here\n' },
      { '.env': 'API_KEY=${VAULT_API_KEY}\nPASSWORD=changeme-please\nNODE_ENV=production\n' },
      { 'values.yaml': 'password:\n  secretKeyRef:\n    name: db\n    key: password\ntoken: {{ .Values.token }}\n' },
      { 'openapi.json': '{"token":"string","tokenUrl":"https://login.test/oauth/token","password":"password"}' },
      { 'package.json': '{"name":"x","scripts":{"token":"node scripts/token.mjs"},"version":"1.0.0"}' },
      { 'ci.yml': 'env:\n  TOKEN: ${{ secrets.GITHUB_TOKEN }}\n# password: hT7#kq92Lmz!4xVw\n' },
      {
        'k.yaml': 'image: registry.test/app@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n',
      },
    ],
  },
};

function* pairsOf(line: string, number: number): Generator<TextHit> {
  for (const match of line.matchAll(PAIR)) {
    const [, name = '', double, single, bare] = match;
    if (isNamedSecret(name, double ?? single ?? bare ?? ''))
      yield {
        ...place(number, line, match.index),
        message: `"${name}" is given a value that looks like a secret`,
      };
  }
}

const place = (line: number, text: string, at = text.search(/\S/)) => ({
  line,
  column: Math.max(0, at) + 1,
  evidence: text.slice(Math.max(0, at)).trim().slice(0, 200),
});
