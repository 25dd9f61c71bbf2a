/*
 * What a call carried, made fit to be kept: values under names that say "secret" and texts that look like credentials are
 * replaced, and the rest is cut to a bounded size. It errs towards replacing too much.
 */

const REDACTED = '[redacted]';
/** A larger body is not read at all. */
const MAX_READ_CHARACTERS = 262_144;
const MAX_KEPT_CHARACTERS = 8_192;
const MAX_DEPTH = 64;
/** JSON inside a text inside JSON: what tools answer as text content. */
const MAX_NESTED_TEXTS = 3;

/** Names whose values are secrets, however they are written: `apiKey`, `api_key`, `X-Api-Key`. */
const SECRET_NAME =
  /pass(word|wd|phrase|code)|pwd|secret|token(?!s?(count|limit|usage|budget)|ize)|api[-_ ]?key|access[-_ ]?key|private[-_ ]?key|signing[-_ ]?key|encryption[-_ ]?key|auth(orization|entication)?$|^auth|credential|cookie|session[-_ ]?id|signature|bearer|otp$|^pin$|cvv|cvc|card[-_ ]?number|ssn$|connection[-_ ]?string/i;

/** Texts that are secrets wherever they stand. */
const SECRET_TEXTS: readonly RegExp[] = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  /\b(?:bearer|basic)\s+[\w.~+/=-]{8,}/gi,
  /\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g,
  /\b(?:sk|pk|rk)[-_][\w-]{16,}/g,
  /\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}/g,
  /\bxox[abeprs]-[\w-]{10,}/g,
  /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g,
  /\bAIza[\w-]{30,}/g,
  /\bmcpr_[\w-]{16,}/g,
  /(?<=:\/\/[^\s/:@]*:)[^\s/@]+(?=@)/g,
  /(?<=[?&;\s"'](?:\w*(?:token|secret|password|passwd|api_?key|signature))=)[^\s&;"']+/gi,
];

/**
 * A body as the call log keeps it.
 *
 * @param text JSON text
 * @returns JSON text without secrets; past its limit cut, which its end says; of an unreadable one only its length
 */
export function redactBody(text: string): string {
  if (text.length > MAX_READ_CHARACTERS) return JSON.stringify(`[${text.length} characters, too many to be kept]`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return JSON.stringify(`[${text.length} characters that are not JSON]`);
  }
  const redacted = JSON.stringify(redactValue(value, 0, 0));
  if (redacted.length <= MAX_KEPT_CHARACTERS) return redacted;
  return `${redacted.slice(0, MAX_KEPT_CHARACTERS)}…[cut, ${redacted.length} characters]`;
}

function redactValue(value: unknown, depth: number, nested: number): unknown {
  if (typeof value === 'string') return redactText(value, nested);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH) return REDACTED;
  if (Array.isArray(value)) return value.map((item) => redactValue(item, depth + 1, nested));
  return Object.fromEntries(
    Object.entries(value).map(([name, own]) => [
      name,
      isSecret(name, own) ? REDACTED : redactValue(own, depth + 1, nested),
    ]),
  );
}

/** Numbers and switches under such a name are settings (`maxTokens`), unless they are all digits of a code. */
function isSecret(name: string, value: unknown): boolean {
  if (value === null || typeof value === 'boolean' || !SECRET_NAME.test(name)) return false;
  return typeof value !== 'number' || !/tokens?$/i.test(name);
}

function redactText(text: string, nested: number): string {
  const first = /^\s*[[{]/.test(text);
  if (first && nested < MAX_NESTED_TEXTS) {
    try {
      return JSON.stringify(redactValue(JSON.parse(text), 0, nested + 1));
    } catch {
      // Not JSON after all.
    }
  }
  return SECRET_TEXTS.reduce((rest, pattern) => rest.replace(pattern, REDACTED), text);
}
