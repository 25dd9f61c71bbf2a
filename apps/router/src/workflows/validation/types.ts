import type { Json } from '../definition/json';

/**
 * Sets of JSON values, as far as schemas and expressions tell. A type always covers every value that can occur, so what two types
 * cannot share, no value shares. Where a type covers more than the schema allows it is `opaque`: nothing is certain to be accepted by it.
 */
export type Type = readonly Alternative[];

/** Values of one kind. */
export type Alternative =
  | { kind: 'null'; opaque?: boolean }
  | { kind: 'boolean'; value?: boolean; opaque?: boolean }
  | { kind: 'number'; min: number; max: number; isInteger: boolean; values?: readonly number[]; opaque?: boolean }
  | { kind: 'string'; min: number; max: number; values?: readonly string[]; opaque?: boolean }
  | { kind: 'array'; prefix: readonly Type[]; rest: Type; min: number; max: number; opaque?: boolean }
  | {
      kind: 'object';
      properties: ReadonlyMap<string, Type>;
      required: ReadonlySet<string>;
      /** What properties without a name here may hold; NEVER when there may be none. */
      additional: Type;
      opaque?: boolean;
    };
export type Kind = Alternative['kind'];

type Of<K extends Kind> = Extract<Alternative, { kind: K }>;

export const NEVER: Type = [];
export const ANY: Type = [
  { kind: 'null' },
  { kind: 'boolean' },
  { kind: 'number', min: -Infinity, max: Infinity, isInteger: false },
  { kind: 'string', min: 0, max: Infinity },
];
// A value may hold any value: the type refers to itself.
(ANY as Alternative[]).push(
  { kind: 'array', prefix: [], rest: ANY, min: 0, max: Infinity },
  { kind: 'object', properties: new Map(), required: new Set(), additional: ANY },
);

/** More alternatives than this are not told apart. */
const MAX_ALTERNATIVES = 24;

export const NULL: Type = [{ kind: 'null' }];
export const BOOLEAN: Type = [{ kind: 'boolean' }];
export const NUMBER: Type = [{ kind: 'number', min: -Infinity, max: Infinity, isInteger: false }];
export const COUNT: Type = [{ kind: 'number', min: 0, max: Infinity, isInteger: true }];
export const STRING: Type = [{ kind: 'string', min: 0, max: Infinity }];
export const OBJECT: Type = [{ kind: 'object', properties: new Map(), required: new Set(), additional: ANY }];

export function arrayOf(rest: Type): Type {
  return [{ kind: 'array', prefix: [], rest, min: 0, max: Infinity }];
}

/** The type of a tuple: each place its own type, no more and no less of them. */
export function tupleOf(prefix: readonly Type[]): Type {
  if (prefix.some((item) => item.length === 0)) return NEVER;
  return [{ kind: 'array', prefix, rest: NEVER, min: prefix.length, max: prefix.length }];
}

/** The type of an object with exactly these properties. */
export function objectOf(properties: Iterable<[string, Type]>): Type {
  const map = new Map(properties);
  if ([...map.values()].some((type) => type.length === 0)) return NEVER;
  return [{ kind: 'object', properties: map, required: new Set(map.keys()), additional: NEVER }];
}

/** The type that has this one value. */
export function typeOfValue(value: Json): Type {
  if (value === null) return NULL;
  if (typeof value === 'boolean') return [{ kind: 'boolean', value }];
  if (typeof value === 'number')
    return [{ kind: 'number', min: value, max: value, isInteger: Number.isInteger(value), values: [value] }];
  if (typeof value === 'string') {
    const length = lengthOf(value);
    return [{ kind: 'string', min: length, max: length, values: [value] }];
  }
  if (Array.isArray(value)) return tupleOf(value.map(typeOfValue));
  return objectOf(Object.entries(value).map(([name, item]) => [name, typeOfValue(item)]));
}

/** Length of a text as JSON Schema counts it, in code points. */
function lengthOf(text: string): number {
  return Array.from(text).length;
}

export function isAny(type: Type): boolean {
  return type === ANY;
}

export function union(...types: Type[]): Type {
  return unionOf(types);
}

/** As `union`, for any number of types. */
export function unionOf(types: readonly Type[]): Type {
  if (types.includes(ANY)) return ANY;
  const [first, ...others] = types.filter((type) => type.length > 0);
  if (!first) return NEVER;
  if (others.length === 0) return first;
  const merged: Alternative[] = [];
  for (const part of new Set([first, ...others].flat())) {
    mergeInto(merged, part);
    if (merged.length > MAX_ALTERNATIVES) break;
  }
  // Doubt covers what a consumer takes and what a producer gives alike.
  return merged.length > MAX_ALTERNATIVES ? opaque(ANY) : merged;
}

/** Adds an alternative; lists of values of one kind become one. */
function mergeInto(merged: Alternative[], part: Alternative): void {
  const index = merged.findIndex(
    (other) => other.kind === part.kind && !other.opaque === !part.opaque && canJoin(other, part),
  );
  const other = merged[index];
  if (other === undefined) merged.push(part);
  else merged[index] = join(other, part);
}

function canJoin(a: Alternative, b: Alternative): boolean {
  if (a.kind === 'null') return true;
  if (a.kind === 'boolean' && b.kind === 'boolean') return a.value === b.value;
  return (a.kind === 'string' || a.kind === 'number') && 'values' in a && 'values' in b;
}

function join(a: Alternative, b: Alternative): Alternative {
  if (a.kind === 'string' && b.kind === 'string')
    return { ...a, min: Math.min(a.min, b.min), max: Math.max(a.max, b.max), values: distinct(a.values, b.values) };
  if (a.kind === 'number' && b.kind === 'number') {
    const isInteger = a.isInteger && b.isInteger;
    return {
      ...a,
      min: Math.min(a.min, b.min),
      max: Math.max(a.max, b.max),
      isInteger,
      values: distinct(a.values, b.values),
    };
  }
  return a;
}

function distinct<T>(a: readonly T[] = [], b: readonly T[] = []): T[] {
  return [...new Set([...a, ...b])];
}

/** Steps left to the comparison that is going on; schemas of strangers may nest so that following all would take for ever. */
let stepsLeft = Infinity;
const MAX_STEPS = 5_000;

/** Runs `compute` with a bounded number of steps; past it the answers become less exact, never wrong. */
export function bounded<T>(compute: () => T): T {
  if (stepsLeft !== Infinity) return compute();
  stepsLeft = MAX_STEPS;
  try {
    return compute();
  } finally {
    stepsLeft = Infinity;
  }
}

/** Whether there are steps left, of which this takes one. */
export function hasSteps(): boolean {
  stepsLeft -= 1;
  return stepsLeft > 0;
}

/** The values that both have. Never less than that; opaque where it may be more. */
export function intersect(a: Type, b: Type): Type {
  return bounded(() => meetTypes(a, b));
}

function meetTypes(a: Type, b: Type): Type {
  if (a === ANY) return b;
  if (b === ANY) return a;
  if (!hasSteps()) return opaque(a);
  const both = a.flatMap((left) => b.flatMap((right) => meet(left, right) ?? []));
  return both.length > MAX_ALTERNATIVES ? opaque(ANY) : both;
}

const opaqueTypes = new WeakMap<Type, Type>();

/** The same values, none of which is certain. */
export function opaque(type: Type): Type {
  let result = opaqueTypes.get(type);
  if (!result) {
    result = type.map((alternative) => ({ ...alternative, opaque: true }));
    opaqueTypes.set(type, result);
  }
  return result;
}

function meet(a: Alternative, b: Alternative): Alternative | undefined {
  const doubt = a.opaque || b.opaque ? { opaque: true } : {};
  if (a.kind === 'null' && b.kind === 'null') return { ...a, ...doubt };
  if (a.kind === 'boolean' && b.kind === 'boolean') {
    if (a.value === undefined) return { ...b, ...doubt };
    return b.value === undefined || a.value === b.value ? { ...a, ...doubt } : undefined;
  }
  if (a.kind === 'number' && b.kind === 'number') return meetNumbers(a, b, doubt);
  if (a.kind === 'string' && b.kind === 'string') return meetStrings(a, b, doubt);
  if (a.kind === 'array' && b.kind === 'array') return meetArrays(a, b, doubt);
  if (a.kind === 'object' && b.kind === 'object') return meetObjects(a, b, doubt);
  return undefined;
}

function meetNumbers(a: Of<'number'>, b: Of<'number'>, doubt: object): Alternative | undefined {
  const [min, max] = [Math.max(a.min, b.min), Math.min(a.max, b.max)];
  const isInteger = a.isInteger || b.isInteger;
  if (min > max) return undefined;
  const given = a.values ?? b.values;
  if (!given) return { kind: 'number', min, max, isInteger, ...doubt };
  const values = given.filter(
    (value) =>
      (b.values?.includes(value) ?? true) && value >= min && value <= max && (!isInteger || Number.isInteger(value)),
  );
  return values.length === 0 ? undefined : { kind: 'number', min, max, isInteger, values, ...doubt };
}

function meetStrings(a: Of<'string'>, b: Of<'string'>, doubt: object): Alternative | undefined {
  const [min, max] = [Math.max(a.min, b.min), Math.min(a.max, b.max)];
  if (min > max) return undefined;
  const given = a.values ?? b.values;
  if (!given) return { kind: 'string', min, max, ...doubt };
  const values = given.filter((value) => {
    const length = lengthOf(value);
    return (b.values?.includes(value) ?? true) && length >= min && length <= max;
  });
  return values.length === 0 ? undefined : { kind: 'string', min, max, values, ...doubt };
}

function meetArrays(a: Of<'array'>, b: Of<'array'>, doubt: object): Alternative | undefined {
  const min = Math.max(a.min, b.min);
  let max = Math.min(a.max, b.max);
  const length = Math.max(a.prefix.length, b.prefix.length);
  const prefix: Type[] = [];
  for (let index = 0; index < length; index++) {
    const item = meetTypes(itemAt(a, index), itemAt(b, index));
    // Where no item fits, the array ends.
    if (item.length === 0) max = Math.min(max, index);
    prefix.push(item);
  }
  const rest = meetTypes(a.rest, b.rest);
  if (rest.length === 0) max = Math.min(max, length);
  return min > max ? undefined : { kind: 'array', prefix, rest, min, max, ...doubt };
}

function meetObjects(a: Of<'object'>, b: Of<'object'>, doubt: object): Alternative | undefined {
  const properties = new Map<string, Type>();
  for (const name of [...a.properties.keys(), ...b.properties.keys()])
    if (!properties.has(name)) properties.set(name, meetTypes(propertyOf(a, name), propertyOf(b, name)));
  const required = new Set([...a.required, ...b.required]);
  const additional = meetTypes(a.additional, b.additional);
  const met: Of<'object'> = { kind: 'object', properties, required, additional, ...doubt };
  return [...required].some((name) => propertyOf(met, name).length === 0) ? undefined : met;
}

/** What stands at a place of an array, when it is that long. */
export function itemAt(array: Of<'array'>, index: number): Type {
  return array.prefix[index] ?? array.rest;
}

/** What a property holds, when it is there. */
export function propertyOf(object: Of<'object'>, name: string): Type {
  return object.properties.get(name) ?? object.additional;
}

/** Whether what one side produces fits what the other takes. */
export type Assignability = 'always' | 'maybe' | 'never';

/**
 * Whether every value, some values or no value of `from` is one of `to`. `always` and `never` are certain; what is not understood
 * is `maybe`. With `isLenient`, doubts about `to` (patterns, ranges, lengths and the like) are passed over: `always` then means “as far as types go”.
 */
export function assignability(from: Type, to: Type, isLenient = false): Assignability {
  if (bounded(() => isSubset(from, to, isLenient, 0))) return 'always';
  return bounded(() => isDisjoint(from, to, 0)) ? 'never' : 'maybe';
}

const MAX_DEPTH = 24;

function isSubset(from: Type, to: Type, isLenient: boolean, depth: number): boolean {
  if (to === ANY || from === to) return isLenient || !to.some((part) => part.opaque);
  if (depth > MAX_DEPTH || from === ANY || !hasSteps()) return false;
  return from.every((part) => {
    if (part.kind === 'boolean' && part.value === undefined) {
      const covers = (value: boolean): boolean =>
        to.some(
          (other) => other.kind === 'boolean' && (other.value ?? value) === value && (isLenient || !other.opaque),
        );
      return covers(true) && covers(false);
    }
    if (part.kind === 'number' && part.values)
      return part.values.every((value) => to.some((other) => isSingle(typeOfValue(value)[0], other, isLenient, depth)));
    if (part.kind === 'string' && part.values)
      return part.values.every((value) => to.some((other) => isSingle(typeOfValue(value)[0], other, isLenient, depth)));
    return to.some((other) => isSingle(part, other, isLenient, depth));
  });
}

function isSingle(a: Alternative | undefined, b: Alternative, isLenient: boolean, depth: number): boolean {
  if (a === undefined) return true;
  if (!isLenient && b.opaque) return false;
  if (a.kind === 'null') return b.kind === 'null';
  if (a.kind === 'boolean') return b.kind === 'boolean' && (b.value === undefined || b.value === a.value);
  if (a.kind === 'number') {
    if (b.kind !== 'number' || (b.isInteger && !a.isInteger)) return false;
    if (!isLenient && (a.min < b.min || a.max > b.max)) return false;
    return !b.values || (a.values?.every((value) => b.values?.includes(value)) ?? false);
  }
  if (a.kind === 'string') {
    if (b.kind !== 'string' || (!isLenient && (a.min < b.min || a.max > b.max))) return false;
    return !b.values || (a.values?.every((value) => b.values?.includes(value)) ?? false);
  }
  if (a.kind === 'array') {
    if (b.kind !== 'array' || (!isLenient && (a.min < b.min || a.max > b.max))) return false;
    const length = Math.max(a.prefix.length, b.prefix.length);
    for (let index = 0; index < length && index < a.max; index++)
      if (!isSubset(itemAt(a, index), itemAt(b, index), isLenient, depth + 1)) return false;
    return a.max <= length || isSubset(a.rest, b.rest, isLenient, depth + 1);
  }
  if (b.kind !== 'object') return false;
  if (![...b.required].every((name) => a.required.has(name))) return false;
  const names = new Set([...a.properties.keys(), ...b.properties.keys()]);
  for (const name of names) if (!isSubset(propertyOf(a, name), propertyOf(b, name), isLenient, depth + 1)) return false;
  return isSubset(a.additional, b.additional, isLenient, depth + 1);
}

function isDisjoint(a: Type, b: Type, depth: number): boolean {
  if (a.length === 0 || b.length === 0) return true;
  if (a === ANY || b === ANY || depth > MAX_DEPTH || !hasSteps()) return false;
  return a.every((left) => b.every((right) => areApart(left, right, depth)));
}

function areApart(a: Alternative, b: Alternative, depth: number): boolean {
  if (a.kind === 'array' && b.kind === 'array') {
    if (a.min > b.max || b.min > a.max) return true;
    const certain = Math.min(Math.max(a.min, b.min), Math.max(a.prefix.length, b.prefix.length) + 1);
    for (let index = 0; index < certain; index++)
      if (isDisjoint(itemAt(a, index), itemAt(b, index), depth + 1)) return true;
    return false;
  }
  if (a.kind === 'object' && b.kind === 'object')
    return [...a.required, ...b.required].some((name) =>
      isDisjoint(propertyOf(a, name), propertyOf(b, name), depth + 1),
    );
  return meet(a, b) === undefined;
}

/** What a type says, for messages: `text or null`. */
export function describeType(type: Type): string {
  if (type === ANY) return 'anything';
  const parts = [...new Set(type.map(describeAlternative))];
  if (parts.length === 0) return 'nothing';
  const last = parts.pop() ?? '';
  return parts.length === 0 ? last : `${parts.join(', ')} or ${last}`;
}

function describeAlternative(part: Alternative): string {
  switch (part.kind) {
    case 'null':
      return 'null';
    case 'boolean':
      return part.value === undefined ? 'a boolean' : String(part.value);
    case 'number':
    case 'string':
      if (part.values && part.values.length <= 4) return part.values.map((value) => JSON.stringify(value)).join(', ');
      if (part.kind === 'string') return 'a string';
      return part.isInteger ? 'an integer' : 'a number';
    case 'array':
      return 'an array';
    case 'object':
      return 'an object';
  }
}
