import type { Json } from '../definition/json';
import { type Budget, fault, shown, toJson, toText } from './values';

const HTML: Readonly<Record<string, string>> = { '<': '&lt;', '>': '&gt;', '&': '&amp;', "'": '&#39;', '"': '&quot;' };
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** `@text`, `@json` and the other formats, applied to one value. */
export function formatText(name: string, value: Json, budget: Budget): string {
  switch (name) {
    case 'text':
      return toText(value, budget);
    case 'json':
      return toJson(value, budget);
    case 'html':
      return toText(value, budget).replace(/[<>&'"]/g, (character) => HTML[character] ?? character);
    case 'uri':
      return encodeURIComponent(wellFormed(toText(value, budget))).replace(/[!'()*]/g, percent);
    case 'urid':
      return decodeUri(toText(value, budget));
    case 'csv':
      return row(value, name, budget, (text) => `"${text.replaceAll('"', '""')}"`, ',');
    case 'tsv':
      return row(value, name, budget, escapeTab, '\t');
    case 'sh':
      return (Array.isArray(value) ? value : [value]).map((item) => quoteForShell(item, budget)).join(' ');
    case 'base64':
      return Buffer.from(toText(value, budget)).toString('base64');
    case 'base64d':
      return decodeBase64(value, budget);
    case 'base32':
      return encodeBase32(Buffer.from(toText(value, budget)));
    case 'base32d':
      return decodeBase32(toText(value, budget));
    default:
      throw fault(`${name} is not a valid format`);
  }
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

/** Lone surrogates become U+FFFD, as in jq. */
function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}

function decodeUri(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw fault(`${shown(text)} is not a valid uri encoding`);
  }
}

function escapeTab(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\t', '\\t').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
}

function row(value: Json, name: string, budget: Budget, quote: (text: string) => string, separator: string): string {
  if (!Array.isArray(value)) throw fault(`${shown(value)} cannot be ${name}-formatted, only an array can be`);
  const cells = value.map((item) => {
    budget.tick();
    if (item === null) return '';
    if (typeof item === 'string') return quote(item);
    if (typeof item === 'object') throw fault(`${shown(item)} is not valid in a csv row`);
    return toJson(item, budget);
  });
  return cells.join(separator);
}

function quoteForShell(value: Json, budget: Budget): string {
  if (typeof value === 'string') return `'${value.replaceAll("'", "'\\''")}'`;
  if (typeof value === 'object' && value !== null) throw fault(`${shown(value)} can not be escaped for shell`);
  return toJson(value, budget);
}

function decodeBase64(value: Json, budget: Budget): string {
  const text = toText(value, budget);
  const body = text.replace(/=+$/, '');
  if (!/^[A-Za-z0-9+/]*$/.test(body)) throw fault(`${shown(text)} is not valid base64 data`);
  if (body.length % 4 === 1) throw fault(`${shown(text)} trailing base64 byte found`);
  return Buffer.from(body, 'base64').toString();
}

function encodeBase32(bytes: Buffer): string {
  let bits = '';
  for (const byte of bytes) bits += byte.toString(2).padStart(8, '0');
  const letters = (bits.match(/.{1,5}/g) ?? []).map((group) => BASE32[Number.parseInt(group.padEnd(5, '0'), 2)] ?? '');
  return letters.join('').padEnd(Math.ceil(letters.length / 8) * 8, '=');
}

function decodeBase32(text: string): string {
  let bits = '';
  for (const letter of text.replace(/=+$/, '')) {
    const place = BASE32.indexOf(letter);
    if (place < 0) throw fault(`${shown(text)} is not valid base32 data`);
    bits += place.toString(2).padStart(5, '0');
  }
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2))).toString();
}
