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

/** What kind of key a text holds, by its form; undefined for none. */
export function keyIn(text: string): string | undefined {
  return KEYS.find(([, pattern]) => pattern.test(text))?.[0];
}

/** Whether a value that is given to a name looks like a secret: the name says so, and the value is neither word nor placeholder. */
export function isNamedSecret(name: string, value: string): boolean {
  return (
    NAME.test(name) &&
    value.length >= 12 &&
    value.length <= 200 &&
    !/\s/.test(value) &&
    !PLACEHOLDER.test(value) &&
    entropy(value) >= 3.2
  );
}

/** Bits for each character (Shannon). */
function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const letter of text) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}
