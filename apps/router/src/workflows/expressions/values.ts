import type { Json, JsonObject } from '../definition/json';
import { type BinaryOperator, ExpressionFault } from './syntax';

/** What an evaluation may spend: each step costs one tick, each text or list it builds its size. */
export interface Budget {
  /** Counts work; throws when it is too much. */
  tick(): void;
  /** Counts characters and elements that are about to be built; throws when they are too many. */
  build(size: number): void;
}

type TypeName = 'null' | 'boolean' | 'number' | 'string' | 'array' | 'object';

export function typeOf(value: Json): TypeName {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value as TypeName;
}

export function isTruthy(value: Json): boolean {
  return value !== null && value !== false;
}

export function fault(message: string, value?: Json): ExpressionFault {
  return new ExpressionFault('runtime', message, undefined, value);
}

/** A value as messages of jq show it: its type and the first characters of its JSON. */
export function shown(value: Json): string {
  return `${typeOf(value)} (${shortened(value)})`;
}

/** At most 29 characters of a value's JSON. */
function shortened(value: Json): string {
  const text = JSON.stringify(value);
  if (text.length <= 29) return text;
  return typeof value === 'string' ? `${text.slice(0, 25)}..."` : `${text.slice(0, 26)}...`;
}

/** An object of entries; `__proto__` becomes an ordinary property. */
export function setProperty(object: JsonObject, name: string, value: Json): void {
  if (name === '__proto__')
    Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
  else object[name] = value;
}

export function copyObject(object: JsonObject): JsonObject {
  const copy = { ...object };
  if (Object.hasOwn(object, '__proto__')) setProperty(copy, '__proto__', object['__proto__'] ?? null);
  return copy;
}

export function getProperty(object: JsonObject, name: string): Json {
  return Object.hasOwn(object, name) ? (object[name] ?? null) : null;
}

const ORDER: Record<TypeName, number> = { null: 0, boolean: 1, number: 3, string: 4, array: 5, object: 6 };

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}

/** Order of texts by code point; plain `<` would compare UTF-16 units. */
function compareText(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const [x, y] = [a.charCodeAt(index), b.charCodeAt(index)];
    if (x === y) continue;
    // Surrogates stand for code points above U+FFFF, so they come after every other unit.
    const [high, other] = [isSurrogate(x), isSurrogate(y)];
    if (high !== other) return high ? 1 : -1;
    return x - y;
  }
  return a.length - b.length;
}

export function sortedKeys(object: JsonObject): string[] {
  return Object.keys(object).sort(compareText);
}

/** jq's total order: null, false, true, numbers, texts, arrays, objects. */
export function compare(a: Json, b: Json, budget: Budget): number {
  if (typeof a === 'number' && typeof b === 'number') return a < b || Number.isNaN(a) ? -1 : a === b ? 0 : 1;
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  const byType = ORDER[typeOf(a)] - ORDER[typeOf(b)];
  if (byType !== 0) return byType;
  if (typeof a === 'boolean') return Number(a) - Number(b);
  if (Array.isArray(a) && Array.isArray(b)) return compareArrays(a, b, budget);
  if (a === null) return 0;
  const [x, y] = [a as JsonObject, b as JsonObject];
  const keys = sortedKeys(x);
  const byKeys = compareArrays(keys, sortedKeys(y), budget);
  if (byKeys !== 0) return byKeys;
  for (const key of keys) {
    budget.tick();
    const byValue = compare(getProperty(x, key), getProperty(y, key), budget);
    if (byValue !== 0) return byValue;
  }
  return 0;
}

function compareArrays(a: Json[], b: Json[], budget: Budget): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    budget.tick();
    const order = compare(a[index] ?? null, b[index] ?? null, budget);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

export function operate(operator: BinaryOperator, a: Json, b: Json, budget: Budget): Json {
  switch (operator) {
    case '+':
      return add(a, b, budget);
    case '-':
      return subtract(a, b, budget);
    case '*':
      return multiply(a, b, budget);
    case '/':
      return divide(a, b, budget);
    case '%':
      return modulo(a, b);
    case '==':
      return compare(a, b, budget) === 0;
    case '!=':
      return compare(a, b, budget) !== 0;
    case '<':
      return compare(a, b, budget) < 0;
    case '<=':
      return compare(a, b, budget) <= 0;
    case '>':
      return compare(a, b, budget) > 0;
    case '>=':
      return compare(a, b, budget) >= 0;
  }
}

export function add(a: Json, b: Json, budget: Budget): Json {
  if (a === null) return b;
  if (b === null) return a;
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  if (typeof a === 'string' && typeof b === 'string') {
    budget.build(a.length + b.length);
    return a + b;
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    budget.build(a.length + b.length);
    return [...a, ...b];
  }
  if (isPlain(a) && isPlain(b)) {
    const sum = copyObject(a);
    const names = Object.keys(b);
    budget.build(names.length + Object.keys(a).length);
    for (const name of names) setProperty(sum, name, getProperty(b, name));
    return sum;
  }
  throw fault(`${shown(a)} and ${shown(b)} cannot be added`);
}

function isPlain(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function subtract(a: Json, b: Json, budget: Budget): Json {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (Array.isArray(a) && Array.isArray(b))
    return a.filter((item) => !b.some((other) => (budget.tick(), compare(item, other, budget) === 0)));
  throw fault(`${shown(a)} and ${shown(b)} cannot be subtracted`);
}

function multiply(a: Json, b: Json, budget: Budget): Json {
  if (typeof a === 'number' && typeof b === 'number') return a * b;
  if (typeof a === 'string' && typeof b === 'number') return repeat(a, b, budget);
  if (typeof a === 'number' && typeof b === 'string') return repeat(b, a, budget);
  if (isPlain(a) && isPlain(b)) return merge(a, b, budget);
  throw fault(`${shown(a)} and ${shown(b)} cannot be multiplied`);
}

/** A text, so many times, rounded down; less than zero times is null. */
function repeat(text: string, times: number, budget: Budget): Json {
  if (times < 0 || Number.isNaN(times)) return null;
  const count = Math.floor(times);
  budget.build(text.length * count);
  return text.repeat(count);
}

function merge(a: JsonObject, b: JsonObject, budget: Budget): JsonObject {
  const merged = copyObject(a);
  for (const name of Object.keys(b)) {
    budget.tick();
    const [left, right] = [getProperty(a, name), getProperty(b, name)];
    setProperty(merged, name, isPlain(left) && isPlain(right) ? merge(left, right, budget) : right);
  }
  return merged;
}

function divide(a: Json, b: Json, budget: Budget): Json {
  if (typeof a === 'number' && typeof b === 'number') {
    if (b === 0) throw fault(`${shown(a)} and ${shown(b)} cannot be divided because the divisor is zero`);
    return a / b;
  }
  if (typeof a === 'string' && typeof b === 'string') return splitText(a, b, budget);
  throw fault(`${shown(a)} and ${shown(b)} cannot be divided`);
}

export function splitText(text: string, separator: string, budget: Budget): Json[] {
  if (text === '') return [];
  const parts = separator === '' ? Array.from(text) : text.split(separator);
  budget.build(parts.length);
  return parts;
}

function modulo(a: Json, b: Json): Json {
  if (typeof a !== 'number' || typeof b !== 'number')
    throw fault(`${shown(a)} and ${shown(b)} cannot be divided (remainder)`);
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.NaN;
  const divisor = Math.abs(clampInteger(b));
  if (divisor === 0)
    throw fault(`${shown(a)} and ${shown(b)} cannot be divided (remainder) because the divisor is zero`);
  const rest = clampInteger(a) % divisor;
  return rest === 0 ? 0 : rest;
}

function clampInteger(value: number): number {
  return Math.trunc(Math.max(-(2 ** 63), Math.min(value, 2 ** 63)));
}

/** Length as jq counts: code points of a text, the absolute value of a number. */
export function lengthOf(value: Json): number {
  if (value === null) return 0;
  if (typeof value === 'string') return codePoints(value);
  if (typeof value === 'number') return Math.abs(value);
  if (Array.isArray(value)) return value.length;
  if (typeof value === 'object') return Object.keys(value).length;
  throw fault(`${shown(value)} has no length`);
}

export function codePoints(text: string): number {
  let count = text.length;
  for (let index = 0; index < text.length - 1; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0xd800 || unit > 0xdbff) continue;
    const next = text.charCodeAt(index + 1);
    if (next >= 0xdc00 && next <= 0xdfff) {
      count -= 1;
      index += 1;
    }
  }
  return count;
}

/** Whether `a` contains `b`: texts as substrings, arrays and objects part by part. */
export function contains(a: Json, b: Json, budget: Budget): boolean {
  if (typeOf(a) !== typeOf(b)) throw fault(`${shown(a)} and ${shown(b)} cannot have their containment checked`);
  return includes(a, b, budget);
}

function includes(a: Json, b: Json, budget: Budget): boolean {
  budget.tick();
  if (isPlain(a) && isPlain(b))
    return Object.keys(b).every(
      (name) => Object.hasOwn(a, name) && includes(getProperty(a, name), getProperty(b, name), budget),
    );
  if (Array.isArray(a) && Array.isArray(b))
    return b.every((wanted) => a.some((item) => includes(item, wanted, budget)));
  if (typeof a === 'string' && typeof b === 'string') return a.includes(b);
  return compare(a, b, budget) === 0;
}

/** A value as jq prints it, on one line; what is not a number is null, infinities are the largest numbers. */
export function toJson(value: Json, budget: Budget): string {
  const text = JSON.stringify(value, (_key, item: unknown) => {
    budget.tick();
    if (item === Number.POSITIVE_INFINITY) return Number.MAX_VALUE;
    return item === Number.NEGATIVE_INFINITY ? -Number.MAX_VALUE : item;
  });
  budget.build(text.length);
  return text;
}

export function toText(value: Json, budget: Budget): string {
  return typeof value === 'string' ? value : toJson(value, budget);
}
