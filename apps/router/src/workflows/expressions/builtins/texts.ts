import type { Json } from '../../definition/json';
import { fault, lengthOf, shown, splitText, toText } from '../values';
import { arrayInput, container, textInput, type ValueFunction } from './builtin';

/** Texts, and lists of their code points. */
export const TEXTS: Readonly<Record<string, ValueFunction>> = {
  'utf8bytelength/0'(_context, input) {
    if (typeof input !== 'string') throw fault(`${shown(input)} only strings have UTF-8 byte length`);
    return Buffer.byteLength(input);
  },
  'explode/0'({ budget }, input) {
    const text = textInput(input, 'explode');
    budget.build(text.length);
    return Array.from(text).map((character) => character.codePointAt(0) ?? 0);
  },
  'implode/0'({ budget }, input) {
    const points = arrayInput(input, 'imploded');
    budget.build(points.length);
    return points.map(character).join('');
  },
  'startswith/1'(_context, input, part) {
    if (typeof input !== 'string' || typeof part !== 'string') throw fault('startswith() requires string inputs');
    return input.startsWith(part);
  },
  'endswith/1'(_context, input, part) {
    if (typeof input !== 'string' || typeof part !== 'string') throw fault('endswith() requires string inputs');
    return input.endsWith(part);
  },
  'ltrimstr/1': (_context, input, part) => trimStart(input, part),
  'rtrimstr/1': (_context, input, part) => trimEnd(input, part),
  'trimstr/1': (_context, input, part) => trimEnd(trimStart(input, part), part),
  'trim/0': (_context, input) => trimInput(input).trim(),
  'ltrim/0': (_context, input) => trimInput(input).trimStart(),
  'rtrim/0': (_context, input) => trimInput(input).trimEnd(),
  'split/1'({ budget }, input, separator) {
    if (typeof input !== 'string' || typeof separator !== 'string')
      throw fault('split input and separator must be strings');
    return splitText(input, separator, budget);
  },
  'join/1'({ budget }, input, separator) {
    const items = Object.values(container(input));
    if (items.length === 0) return '';
    if (typeof separator !== 'string') {
      if (items.length > 1) throw fault(`${shown(items[0] ?? null)} and ${shown(separator)} cannot be added`);
    }
    const texts = items.map((item) => {
      if (item === null) return '';
      if (typeof item === 'object') throw fault(`${shown(separator)} and ${shown(item)} cannot be added`);
      return toText(item, budget);
    });
    budget.build(texts.reduce((size, text) => size + text.length + lengthOf(separator), 0));
    return texts.join(separator as string);
  },
  'ascii_downcase/0': (_context, input) =>
    textInput(input, 'ascii_downcase').replace(/[A-Z]+/g, (letters) => letters.toLowerCase()),
  'ascii_upcase/0': (_context, input) =>
    textInput(input, 'ascii_upcase').replace(/[a-z]+/g, (letters) => letters.toUpperCase()),
};

function character(point: Json): string {
  if (typeof point !== 'number') throw fault('Unicode codepoint must be numeric');
  const isValid = point >= 0 && point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff);
  return String.fromCodePoint(isValid ? Math.floor(point) : 0xfffd);
}

function trimInput(input: Json): string {
  if (typeof input === 'string') return input;
  throw fault('trim input must be a string');
}

function trimStart(input: Json, part: Json): Json {
  if (typeof input !== 'string' || typeof part !== 'string') return input;
  return input.startsWith(part) ? input.slice(part.length) : input;
}

function trimEnd(input: Json, part: Json): Json {
  if (typeof input !== 'string' || typeof part !== 'string') return input;
  return part !== '' && input.endsWith(part) ? input.slice(0, -part.length) : input;
}
