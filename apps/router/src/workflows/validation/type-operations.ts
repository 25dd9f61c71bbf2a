import {
  ANY,
  type Alternative,
  arrayOf,
  itemAt,
  NEVER,
  NULL,
  OBJECT,
  propertyOf,
  STRING,
  type Type,
  union,
  unionOf,
} from './types';

/** The item of an array at an index of this type. */
export function elementAt(
  array: Extract<Alternative, { kind: 'array' }>,
  step: Extract<Alternative, { kind: 'number' }>,
): Type {
  const index = step.values?.length === 1 ? Math.floor(step.values[0] ?? 0) : undefined;
  if (index === undefined || index < 0) return union(elements(array), NULL);
  const item = itemAt(array, index);
  return index < array.min ? item : union(index < array.max ? item : NEVER, NULL);
}

/** What an array holds. */
export function elements(array: Extract<Alternative, { kind: 'array' }>): Type {
  return unionOf([...array.prefix, array.max > array.prefix.length ? array.rest : NEVER]);
}

/** What an array or object holds. */
export function held(part: Alternative): Type {
  if (part.kind === 'array') return elements(part);
  return part.kind === 'object' ? unionOf([...part.properties.values(), part.additional]) : NEVER;
}

/** What `make` makes of the items of all arrays of a type; anything when there is none. */
export function itemsOf(input: Type, make: (items: Type) => Type): Type {
  if (input === ANY) return ANY;
  const arrays = input.filter((part) => part.kind === 'array');
  return arrays.length === 0 ? ANY : make(union(...arrays.map(elements)));
}

/** The part of a type that is neither null nor false. */
export function truthy(type: Type): Type {
  if (type === ANY) return ANY;
  return type.flatMap((part): Alternative[] => {
    if (part.kind === 'null') return [];
    if (part.kind !== 'boolean') return [part];
    return part.value === false ? [] : [{ kind: 'boolean', value: true }];
  });
}

/** What an operator of jq makes of two values: no type when it fails for all of them. */
export function combine(operator: string, a: Alternative, b: Alternative): Type[] {
  if (operator === '+' && a.kind === 'null') return [[b]];
  if (operator === '+' && b.kind === 'null') return [[a]];
  if (a.kind === 'number' && b.kind === 'number') {
    const isInteger = a.isInteger && b.isInteger && operator !== '/';
    return [[{ kind: 'number', min: -Infinity, max: Infinity, isInteger }]];
  }
  if (a.kind === 'string' && b.kind === 'string') {
    if (operator === '+') return [STRING];
    return operator === '/' ? [arrayOf(STRING)] : [];
  }
  const isRepeat = operator === '*' && [a.kind, b.kind].sort().join() === 'number,string';
  if (isRepeat) return [STRING, NULL];
  if (a.kind === 'array' && b.kind === 'array') {
    if (operator === '+') return [arrayOf(union(elements(a), elements(b)))];
    return operator === '-' ? [arrayOf(elements(a))] : [];
  }
  if (a.kind === 'object' && b.kind === 'object') {
    if (operator === '+') return [mergedObject(a, b)];
    return operator === '*' ? [OBJECT] : [];
  }
  return [];
}

function mergedObject(a: Extract<Alternative, { kind: 'object' }>, b: Extract<Alternative, { kind: 'object' }>): Type {
  const properties = new Map<string, Type>();
  for (const name of new Set([...a.properties.keys(), ...b.properties.keys()])) {
    const right = propertyOf(b, name);
    properties.set(name, b.required.has(name) ? right : union(propertyOf(a, name), right));
  }
  const required = new Set([...a.required, ...b.required]);
  return [{ kind: 'object', properties, required, additional: union(a.additional, b.additional) }];
}
