import { bare, callsOf } from '../engine/code-queries';
import type { SyntaxTree } from '../engine/syntax-tree';
import type { CodeRule } from './rule';

const WEAK = /^['"`](?:md5|md4|sha1|sha-1|ripemd160|des|des-\w+|3des|rc4|rc2|bf-ecb|aes-\d+-ecb|\w*-ecb)['"`]$/i;
const SCRIPT = /(?:^|\.)(?:createHash|createHmac|createCipheriv|createCipher|createDecipheriv|createDecipher)$/;
const PYTHON = /^(?:hashlib\.(?:md5|sha1)|md5|sha1|MD5\.new|DES\.new|ARC4\.new|DES3\.new)$/;
const SECRET = /(?:token|secret|password|passwd|nonce|salt|session|otp|api_?key|csrf|\biv\b|key)$/i;
const RANDOM = /^(?:Math\.random|random\.(?:random|randint|choice|choices|randrange|getrandbits))$/;

/** Hashes and ciphers that are broken, and randomness that can be guessed. */
export const weakCrypto: CodeRule = {
  id: 'security/weak-crypto',
  family: 'security',
  target: 'code',
  title: 'Weak cryptography',
  level: 'warning',
  confidence: 'medium',
  languages: ['javascript', 'typescript', 'tsx', 'python'],
  explanation:
    'MD5, SHA-1, DES, RC4 and ECB no longer protect anything, and Math.random and random can be predicted. Use SHA-256, AES-GCM, scrypt or argon2 for passwords, and crypto.randomBytes or secrets for what must not be guessed. For checksums that protect nothing the finding can be accepted.',
  cwe: [327, 338],
  owasp: ['A02'],
  *check(file) {
    const { tree, language } = file;
    for (const { node, callee, args } of callsOf(file)) {
      const [first] = args;
      if (
        language === 'python'
          ? PYTHON.test(callee)
          : SCRIPT.test(callee) && first !== undefined && WEAK.test(tree.text(bare(tree, first)))
      ) {
        if (!/usedforsecurity\s*=\s*False/.test(tree.text(node)))
          yield { node, message: `${callee} uses an algorithm that is broken` };
      } else if (RANDOM.test(callee)) {
        const target = targetOf(file.tree, node);
        if (SECRET.test(target))
          yield { node, message: `"${target}" can be guessed: ${callee} is not made for secrets` };
      }
    }
  },
  examples: {
    bad: [
      { language: 'javascript', code: "const h = crypto.createHash('md5').update(p).digest('hex');" },
      { language: 'typescript', code: "const c = createCipheriv('aes-128-ecb', key, null);" },
      { language: 'typescript', code: 'const sessionToken = Math.random().toString(36);' },
      { language: 'python', code: 'import hashlib\nx = hashlib.md5(b"a").hexdigest()\n' },
      { language: 'python', code: 'import random\npassword = "".join(random.choice(letters) for _ in range(8))\n' },
    ],
    good: [
      {
        language: 'javascript',
        code: "const h = crypto.createHash('sha256').update(p).digest('hex'); const jitter = Math.random() * 100;",
      },
      {
        language: 'python',
        code: 'import hashlib, secrets\nx = hashlib.sha256(b"a").hexdigest()\ntoken = secrets.token_hex()\ne = hashlib.md5(b"a", usedforsecurity=False)\n',
      },
    ],
  },
};

/** The name that a call's value is given to. */
function targetOf(tree: SyntaxTree, node: number): string {
  for (let at = tree.parent(node), steps = 0; at >= 0 && steps < 12; at = tree.parent(at), steps++) {
    for (const field of ['name', 'left', 'key']) {
      const child = tree.child(at, field);
      if (child >= 0 && child < node && tree.isLeaf(child)) return tree.text(child);
    }
    if (/statement|block|function/.test(tree.type(at))) break;
  }
  return '';
}
