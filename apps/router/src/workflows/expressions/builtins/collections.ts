import type { Json, JsonObject } from '../../definition/json';
import type { Context } from '../compiler/code';
import { indicesOf } from '../paths';
import {
  add,
  contains,
  fault,
  getProperty,
  isTruthy,
  lengthOf,
  setProperty,
  shown,
  sortedKeys,
  typeOf,
} from '../values';
import { arrayInput, container, type ValueFunction } from './builtin';

/** What arrays, objects and texts hold. */
export const COLLECTIONS: Readonly<Record<string, ValueFunction>> = {
  'length/0': (_context, input) => lengthOf(input),
  'keys/0': (_context, input) => keysOf(input, sortedKeys),
  'keys_unsorted/0': (_context, input) => keysOf(input, Object.keys),
  'has/1'(_context, input, key) {
    if (typeof key === 'string' && typeOf(input) === 'object') return Object.hasOwn(input as JsonObject, key);
    if (typeof key === 'number' && Array.isArray(input)) return key >= 0 && key < input.length;
    throw fault(`Cannot check whether ${typeOf(input)} has a ${typeOf(key)} key`);
  },
  'contains/1': ({ budget }, input, part) => contains(input, part, budget),
  'add/0'({ budget }, input) {
    if (typeof input !== 'object' || input === null) throw fault(`Cannot iterate over ${shown(input)}`);
    const items = Object.values(input);
    // Texts and lists one by one would be copied each time.
    if (items.length > 0 && items.every((item) => typeof item === 'string')) {
      budget.build(items.reduce((size, item) => size + item.length, 0));
      return items.join('');
    }
    if (items.length > 0 && items.every((item) => Array.isArray(item))) {
      budget.build(items.reduce((size, item) => size + item.length, 0));
      return items.flat(1);
    }
    return items.reduce<Json>((sum, item) => add(sum, item, budget), null);
  },
  'any/0': (_context, input) => Object.values(container(input)).some(isTruthy),
  'all/0': (_context, input) => Object.values(container(input)).every(isTruthy),
  'flatten/0': (context, input) => flatten(context, input, Number.POSITIVE_INFINITY),
  'flatten/1'(context, input, depth) {
    if (typeof depth !== 'number') throw fault('flatten depth must not be negative');
    if (depth < 0) throw fault('flatten depth must not be negative');
    return flatten(context, input, depth);
  },
  'reverse/0'(_context, input) {
    if (typeof input === 'string') return Array.from(input).reverse().join('');
    return input === null ? [] : [...arrayInput(input, 'reversed')].reverse();
  },
  'transpose/0'({ budget }, input) {
    const rows = arrayInput(input, 'transposed').map((row) => arrayInput(row, 'transposed'));
    const width = rows.reduce((most, row) => Math.max(most, row.length), 0);
    budget.build(width * rows.length);
    return Array.from({ length: width }, (_, column) => rows.map((row) => row[column] ?? null));
  },
  'indices/1': (context, input, part) => indices(context, input, part),
  'index/1': (context, input, part) => (indices(context, input, part) ?? []).at(0) ?? null,
  'rindex/1': (context, input, part) => (indices(context, input, part) ?? []).at(-1) ?? null,
  'to_entries/0': ({ budget }, input) => {
    const names = keysOf(input, Object.keys);
    budget.build(names.length * 2);
    return names.map((key) => ({ key, value: (input as Record<string, Json>)[key as string] ?? null }));
  },
  'from_entries/0': ({ budget }, input) => fromEntries(input, (size) => budget.build(size)),
};

function keysOf(input: Json, ofObject: (object: JsonObject) => string[]): Json[] {
  if (Array.isArray(input)) return input.map((_, index) => index);
  if (typeof input === 'object' && input !== null) return ofObject(input);
  throw fault(`${shown(input)} has no keys`);
}

function flatten(context: Context, input: Json, depth: number): Json[] {
  const flat: Json[] = [];
  const visit = (items: Json[], left: number): void => {
    for (const item of items) {
      context.budget.build(1);
      if (Array.isArray(item) && left > 0) visit(item, left - 1);
      else flat.push(item);
    }
  };
  visit(Object.values(container(input)), depth);
  return flat;
}

function indices(context: Context, input: Json, part: Json): Json[] | null {
  if (input === null) return null;
  if (typeof input === 'string' && typeof part === 'string') {
    const found: Json[] = [];
    if (part === '') return found;
    let [unit, point] = [0, 0];
    for (let at = input.indexOf(part); at >= 0; at = input.indexOf(part, at + 1)) {
      context.budget.build(1);
      point += lengthOf(input.slice(unit, at));
      unit = at;
      found.push(point);
    }
    return found;
  }
  if (Array.isArray(input)) return indicesOf(input, Array.isArray(part) ? part : [part], context.budget);
  throw fault(`Cannot index ${typeOf(input)} with ${shown(part)}`);
}

function fromEntries(input: Json, build: (size: number) => void): JsonObject {
  const object: JsonObject = {};
  for (const entry of Object.values(container(input))) {
    build(2);
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry))
      throw fault(`Cannot index ${typeOf(entry)} with ${shown('key')}`);
    const given = ['key', 'k', 'name', 'Name', 'Key', 'K'].map((name) => getProperty(entry, name));
    const key = given.find((name) => name !== null && name !== false) ?? (given[0] === false ? false : null);
    const named = ['value', 'v', 'Value', 'V'].find((name) => Object.hasOwn(entry, name));
    const text = typeof key === 'string' ? key : JSON.stringify(key);
    setProperty(object, text, named === undefined ? null : getProperty(entry, named));
  }
  return object;
}
