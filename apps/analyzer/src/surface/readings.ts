/** A text as it stands, or as it reads once a disguise is taken off. */
export interface Reading {
  text: string;
  /** How it was disguised; '' for the text itself (case, width and white space made uniform). */
  disguise:
    | ''
    | 'hidden characters'
    | 'tag characters'
    | 'look-alike letters'
    | 'base64'
    | 'hex'
    | 'escapes'
    | 'spaced letters'
    | 'leet'
    | 'rot13'
    | 'reversed';
}

/** Characters that show nothing: zero-width, bidi controls, fillers, variation selectors, tags, soft hyphen. */
export const INVISIBLE =
  // eslint-disable-next-line no-misleading-character-class -- each of them is meant alone
  /[\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5\u180B-\u180E\u200B-\u200F\u202A-\u202E\u2060-\u206F\u3164\uFE00-\uFE0F\uFEFF\uFFA0\uFFF9-\uFFFB]|[\u{E0000}-\u{E0FFF}]/gu;

const TAGS = /[\u{E0020}-\u{E007E}]/gu;

/** Letters of other alphabets that look like Latin ones. */
const LOOK_ALIKES: Record<string, string> = Object.fromEntries(
  [
    ['a', 'аɑαạą'],
    ['b', 'ЬƄЪ'],
    ['c', 'сϲⅽ'],
    ['d', 'ԁⅾɗ'],
    ['e', 'еҽєẹ'],
    ['f', 'ƒ'],
    ['g', 'ɡցģ'],
    ['h', 'һհ'],
    ['i', 'іıɩιⅰ'],
    ['j', 'јϳ'],
    ['k', 'κкқ'],
    ['l', 'ӏⅼǀŀ'],
    ['m', 'ⅿм'],
    ['n', 'ոռп'],
    ['o', 'оοօσọө'],
    ['p', 'рρ'],
    ['q', 'ԛզ'],
    ['r', 'гɾ'],
    ['s', 'ѕʂ'],
    ['t', 'тτţ'],
    ['u', 'υսᴜц'],
    ['v', 'ѵνⅴ'],
    ['w', 'ԝωѡ'],
    ['x', 'хχⅹ'],
    ['y', 'уүγ'],
    ['z', 'ᴢż'],
  ].flatMap(([latin, others]) => Array.from(others ?? '').map((other) => [other, latin ?? ''])),
);

const LEET: Record<string, string> = {
  '0': 'o',
  '1': 'i',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
  '!': 'i',
  '|': 'l',
};

/** Letters of a word made Latin; equal skeletons look the same. */
export function skeleton(text: string): string {
  const plain = text.normalize('NFKC').replace(INVISIBLE, '').toLowerCase();
  return Array.from(plain)
    .map((letter) => LOOK_ALIKES[letter] ?? letter)
    .join('')
    .normalize('NFD')
    .replace(/\p{M}/gu, '');
}

const uniform = (text: string) => text.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim();

/** The text and each thing it may hide; what decodes to nothing readable is left out. */
export function readings(text: string): Reading[] {
  const found: Reading[] = [{ text: uniform(text), disguise: '' }];
  const seen = new Set([found[0]?.text]);
  const add = (reading: string, disguise: Reading['disguise']) => {
    const plain = uniform(reading);
    if (plain.length < 4 || seen.has(plain)) return;
    seen.add(plain);
    found.push({ text: plain, disguise });
  };

  const tags = [...text.matchAll(TAGS)]
    .map(([tag]) => String.fromCodePoint((tag.codePointAt(0) ?? 0) - 0xe0000))
    .join('');
  if (tags.length > 0) add(tags, 'tag characters');
  const visible = text.replace(INVISIBLE, '');
  if (visible !== text) add(visible, 'hidden characters');
  if (/[^\p{ASCII}]/u.test(visible)) add(skeleton(visible), 'look-alike letters');
  add(unescaped(visible), 'escapes');
  for (const decoded of base64Texts(visible)) add(decoded, 'base64');
  for (const decoded of hexTexts(visible)) add(decoded, 'hex');
  const latin = skeleton(visible);
  if (/(?:\b[a-z][\s.\-_*]{1,3}){6,}/.test(latin)) add(unspaced(latin), 'spaced letters');
  if (/[a-z][0134$@!|57]|[0134$@!|57][a-z]/.test(latin)) add(unleet(latin), 'leet');
  if (text.length <= 5_000) {
    add(rot13(latin), 'rot13');
    add(Array.from(latin).reverse().join(''), 'reversed');
  }
  return found;
}

/** `\u0069`, `\x69`, `&#105;`, `&lt;`, `%69` as the letters they stand for. */
function unescaped(text: string): string {
  const from = (digits: string, base: number, whole: string) => {
    const code = Number.parseInt(digits, base);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  };
  return text
    .replace(/\\u\{?([0-9a-f]{2,6})\}?|\\x([0-9a-f]{2})/gi, (whole, u?: string, x?: string) =>
      from(u ?? x ?? '', 16, whole),
    )
    .replace(/&#x([0-9a-f]{1,6});/gi, (whole, hex: string) => from(hex, 16, whole))
    .replace(/&#([0-9]{1,7});/g, (whole, decimal: string) => from(decimal, 10, whole))
    .replace(
      /&(lt|gt|amp|quot|apos|nbsp);/g,
      (_, name: string) => ({ lt: '<', gt: '>', amp: '&', quot: '"', apos: "'", nbsp: ' ' })[name] ?? '',
    )
    .replace(/%([0-9a-f]{2})/gi, (whole, hex: string) => from(hex, 16, whole));
}

const readable = (text: string) =>
  text.length >= 6 && /^[\p{L}\p{N}\p{P}\p{S}\p{Z}\s]+$/u.test(text) && /[a-z]{3}/i.test(text);

function* base64Texts(text: string): Generator<string> {
  let count = 0;
  for (const [candidate] of text.matchAll(/[A-Za-z0-9+/_-]{16,}={0,2}/g)) {
    if (++count > 50) return;
    let decoded = Buffer.from(candidate, 'base64').toString('utf8');
    // Wrapped twice is a known trick; more is not worth following.
    if (/^[A-Za-z0-9+/_-]{16,}={0,2}\s*$/.test(decoded)) decoded = Buffer.from(decoded, 'base64').toString('utf8');
    if (readable(decoded)) yield decoded;
  }
}

function* hexTexts(text: string): Generator<string> {
  let count = 0;
  for (const [candidate] of text.matchAll(/(?:[0-9a-f]{2}[\s:]?){12,}/gi)) {
    if (++count > 50) return;
    const decoded = Buffer.from(candidate.replace(/[^0-9a-f]/gi, ''), 'hex').toString('utf8');
    if (readable(decoded)) yield decoded;
  }
}

/** `i g n o r e   t h e` as `ignore the`: single letters with one separator between them join, wider gaps are spaces. */
function unspaced(text: string): string {
  return text.replace(/(?<=\b[a-z])[\s.\-_*](?=[a-z]\b)/g, '').replace(/[\s.\-_*]{2,}/g, ' ');
}

const unleet = (text: string) =>
  Array.from(text)
    .map((letter) => LEET[letter] ?? letter)
    .join('');

const rot13 = (text: string) =>
  text.replace(/[a-z]/g, (letter) => String.fromCharCode(((letter.charCodeAt(0) - 97 + 13) % 26) + 97));
