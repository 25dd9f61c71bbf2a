import { isObject, type Json, type JsonObject, pointerSteps } from '../definition/json';
import {
  type Alternative,
  ANY,
  bounded,
  hasSteps,
  intersect,
  NEVER,
  opaque,
  propertyOf,
  type Type,
  typeOfValue,
  unionOf,
} from './types';

/** Keywords that narrow values of one kind in ways types do not follow. */
const DOUBTFUL: Readonly<Record<string, Alternative['kind'][]>> = {
  multipleOf: ['number'],
  pattern: ['string'],
  format: ['string', 'number'],
  contentEncoding: ['string'],
  contentMediaType: ['string'],
  contentSchema: ['string'],
  uniqueItems: ['array'],
  contains: ['array'],
  minContains: ['array'],
  maxContains: ['array'],
  unevaluatedItems: ['array'],
  patternProperties: ['object'],
  propertyNames: ['object'],
  minProperties: ['object'],
  maxProperties: ['object'],
  dependentRequired: ['object'],
  dependentSchemas: ['object'],
  dependencies: ['object'],
  unevaluatedProperties: ['object'],
};

const EVERYTHING: Alternative['kind'][] = ['null', 'boolean', 'number', 'string', 'array', 'object'];
const MAX_DEPTH = 16;

const known = new WeakMap<JsonObject, Type>();

/** The values that a JSON Schema (2020-12, and what drafts 6 and 7 wrote) allows; kept by the identity of the schema. */
export function typeOfSchema(schema: Json | undefined): Type {
  if (schema === undefined || schema === true) return ANY;
  if (schema === false) return NEVER;
  if (!isObject(schema)) return ANY;
  let type = known.get(schema);
  if (!type) {
    type = bounded(() => read(schema, schema, 0, []));
    known.set(schema, type);
  }
  return type;
}

function read(schema: Json | undefined, root: JsonObject, depth: number, refs: readonly string[]): Type {
  if (schema === undefined || schema === true) return ANY;
  if (schema === false) return NEVER;
  if (!isObject(schema) || depth > MAX_DEPTH || !hasSteps()) return DOUBT;
  if (Object.keys(schema).length === 0) return ANY;
  let type = readKinds(schema, root, depth, refs);
  if (schema['const'] !== undefined) type = intersect(typeOfValue(schema['const']), type);
  if (Array.isArray(schema['enum'])) type = intersect(unionOf(schema['enum'].map(typeOfValue)), type);
  if (typeof schema['$ref'] === 'string') type = intersect(type, readRef(schema['$ref'], root, depth, refs));
  for (const part of listOf(schema['allOf'])) type = intersect(type, read(part, root, depth + 1, refs));
  const anyOf = listOf(schema['anyOf']);
  if (anyOf.length > 0) type = intersect(type, unionOf(anyOf.map((part) => read(part, root, depth + 1, refs))));
  const oneOf = listOf(schema['oneOf']);
  if (oneOf.length === 1) type = intersect(type, read(oneOf[0], root, depth + 1, refs));
  // A value of two branches at once is none of `oneOf`, which types do not see.
  if (oneOf.length > 1) type = intersect(type, opaque(unionOf(oneOf.map((part) => read(part, root, depth + 1, refs)))));
  const unseen = ['not', 'if', '$dynamicRef', '$recursiveRef'];
  return unseen.some((name) => schema[name] !== undefined) ? opaque(type) : type;
}

/** Any value, of which nothing is certain. */
const DOUBT: Type = opaque(ANY);

function listOf(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}

function readRef(ref: string, root: JsonObject, depth: number, refs: readonly string[]): Type {
  if (!ref.startsWith('#') || refs.includes(ref)) return DOUBT;
  if (ref !== '#' && !ref.startsWith('#/')) return DOUBT;
  let target: Json | undefined = root;
  for (const step of pointerSteps(decodeURIComponent(ref.slice(1)))) {
    if (Array.isArray(target)) target = target[Number(step)];
    else target = isObject(target) ? target[step] : undefined;
  }
  return target === undefined ? DOUBT : read(target, root, depth + 1, [...refs, ref]);
}

function readKinds(schema: JsonObject, root: JsonObject, depth: number, refs: readonly string[]): Type {
  const named = schema['type'];
  const types = typeof named === 'string' ? [named] : Array.isArray(named) ? named : [...EVERYTHING];
  const doubtful = new Set(Object.keys(schema).flatMap((keyword) => DOUBTFUL[keyword] ?? []));
  const alternatives: Alternative[] = [];
  for (const kind of EVERYTHING) {
    const isInteger = kind === 'number' && types.includes('integer') && !types.includes('number');
    if (!types.includes(kind) && !isInteger) continue;
    const alternative = readKind(kind, isInteger, schema, root, depth, refs);
    if (alternative) alternatives.push(doubtful.has(kind) ? { ...alternative, opaque: true } : alternative);
  }
  const isFree =
    alternatives.length === EVERYTHING.length && !CONSTRAINTS.some((keyword) => schema[keyword] !== undefined);
  return isFree && doubtful.size === 0 ? ANY : alternatives;
}

const CONSTRAINTS = [
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'minLength',
  'maxLength',
  'items',
  'prefixItems',
  'additionalItems',
  'minItems',
  'maxItems',
  'properties',
  'required',
  'additionalProperties',
];

function numberOf(value: Json | undefined, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}

function readKind(
  kind: Alternative['kind'],
  isInteger: boolean,
  schema: JsonObject,
  root: JsonObject,
  depth: number,
  refs: readonly string[],
): Alternative | undefined {
  if (kind === 'null' || kind === 'boolean') return { kind };
  if (kind === 'number') return readNumber(schema, isInteger);
  if (kind === 'string') {
    const [min, max] = [numberOf(schema['minLength'], 0), numberOf(schema['maxLength'], Infinity)];
    return min > max ? undefined : { kind, min, max };
  }
  return kind === 'array' ? readArray(schema, root, depth, refs) : readObject(schema, root, depth, refs);
}

function readNumber(schema: JsonObject, isInteger: boolean): Alternative | undefined {
  let [min, max] = [numberOf(schema['minimum'], -Infinity), numberOf(schema['maximum'], Infinity)];
  let isDoubtful = false;
  // An open end of whole numbers is a closed one; of others the end itself stays in, in doubt.
  const [above, below] = [schema['exclusiveMinimum'], schema['exclusiveMaximum']];
  if (typeof above === 'number' && above >= min) {
    min = isInteger ? Math.floor(above) + 1 : above;
    isDoubtful ||= !isInteger;
  }
  if (typeof below === 'number' && below <= max) {
    max = isInteger ? Math.ceil(below) - 1 : below;
    isDoubtful ||= !isInteger;
  }
  // Draft 4 wrote booleans.
  if (above === true || below === true) isDoubtful = true;
  return min > max ? undefined : { kind: 'number', min, max, isInteger, ...(isDoubtful ? { opaque: true } : {}) };
}

function readArray(
  schema: JsonObject,
  root: JsonObject,
  depth: number,
  refs: readonly string[],
): Alternative | undefined {
  const { items } = schema;
  const old = Array.isArray(items) ? items : undefined;
  const prefix = (old ?? listOf(schema['prefixItems'])).map((item) => read(item, root, depth + 1, refs));
  const rest = read(old ? schema['additionalItems'] : items, root, depth + 1, refs);
  const min = numberOf(schema['minItems'], 0);
  let max = numberOf(schema['maxItems'], Infinity);
  prefix.forEach((item, index) => {
    if (item.length === 0) max = Math.min(max, index);
  });
  if (rest.length === 0) max = Math.min(max, prefix.length);
  return min > max ? undefined : { kind: 'array', prefix, rest, min, max };
}

function readObject(
  schema: JsonObject,
  root: JsonObject,
  depth: number,
  refs: readonly string[],
): Alternative | undefined {
  const given = isObject(schema['properties']) ? schema['properties'] : {};
  const properties = new Map(
    Object.entries(given).map(([name, part]) => [name, read(part, root, depth + 1, refs)] as const),
  );
  const required = new Set(listOf(schema['required']).filter((name): name is string => typeof name === 'string'));
  // With patterns a name without an entry may still have a schema.
  const additional =
    schema['patternProperties'] === undefined ? read(schema['additionalProperties'], root, depth + 1, refs) : ANY;
  const object = { kind: 'object' as const, properties, required, additional };
  return [...required].some((name) => propertyOf(object, name).length === 0) ? undefined : object;
}
