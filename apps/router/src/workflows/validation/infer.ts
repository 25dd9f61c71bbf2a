import type { JqNode } from '../expressions/syntax';
import {
  ANY,
  type Alternative,
  arrayOf,
  BOOLEAN,
  COUNT,
  describeType,
  itemAt,
  NEVER,
  NULL,
  NUMBER,
  OBJECT,
  objectOf,
  propertyOf,
  STRING,
  type Type,
  typeOfValue,
  union,
  unionOf,
} from './types';

/** What an expression is evaluated with, as types. */
export interface TypeScope {
  input: Type;
  variables: ReadonlyMap<string, Type>;
}

/** Something that cannot go well, whatever the data: an offset in the expression and a text. */
export interface TypeNote {
  kind: 'fails' | 'absent';
  at: number;
  message: string;
  /** For `absent`: the property, and those that there are. */
  name?: string;
  names?: string[];
}

/**
 * The type of all outputs of an expression; null is among them when it may have none, as an expression without output is null.
 * `notes` gathers what is certain to fail and what is certain not to be there.
 */
export function inferType(node: JqNode, scope: TypeScope, notes: TypeNote[] = []): Type {
  const inference = new Inference(notes);
  const type = inference.of(node, scope);
  return inference.mayBeEmpty(node) ? union(type, NULL) : type;
}

class Inference {
  constructor(private readonly notes: TypeNote[]) {}

  of(node: JqNode, scope: TypeScope): Type {
    switch (node.kind) {
      case 'identity':
        return scope.input;
      case 'literal':
        return typeOfValue(node.value);
      case 'variable':
        return scope.variables.get(node.name) ?? ANY;
      case 'index':
        return this.index(node, scope);
      case 'slice':
        return this.slice(node, scope);
      case 'iterate':
        return this.iterate(node, scope);
      case 'array':
        return arrayOf(node.body ? this.of(node.body, scope) : NEVER);
      case 'object':
        return this.object(node, scope);
      case 'text':
        for (const part of node.parts) if (typeof part !== 'string') this.of(part, scope);
        return STRING;
      case 'format':
        return STRING;
      case 'negate':
        return NUMBER;
      case 'pipe':
        return this.of(node.right, { ...scope, input: this.of(node.left, scope) });
      case 'comma':
        return union(this.of(node.left, scope), this.of(node.right, scope));
      case 'and':
      case 'or':
        this.of(node.left, scope);
        this.of(node.right, scope);
        return BOOLEAN;
      case 'alternative':
        // Failing on the left is what `//` is for.
        return union(truthy(new Inference([]).of(node.left, scope)), this.of(node.right, scope));
      case 'binary':
        return this.binary(node, scope);
      case 'if':
        this.of(node.condition, scope);
        return union(this.of(node.then, scope), node.otherwise ? this.of(node.otherwise, scope) : scope.input);
      case 'try': {
        const quiet = new Inference([]);
        const body = quiet.of(node.body, scope);
        return node.handler ? union(body, quiet.of(node.handler, { ...scope, input: ANY })) : body;
      }
      case 'bind': {
        const [pattern] = node.patterns;
        const source = this.of(node.source, scope);
        if (node.patterns.length !== 1 || pattern?.kind !== 'variable') return ANY;
        const variables = new Map(scope.variables).set(pattern.name, source);
        return this.of(node.body, { ...scope, variables });
      }
      case 'call':
        return this.call(node, scope);
      case 'recurse':
      case 'reduce':
      case 'foreach':
      case 'update':
      case 'label':
      case 'break':
      case 'define':
        return ANY;
    }
  }

  /** Whether there may be no output at all. */
  mayBeEmpty(node: JqNode): boolean {
    switch (node.kind) {
      case 'identity':
      case 'literal':
      case 'variable':
      case 'array':
      case 'format':
        return false;
      case 'index':
        return this.mayBeEmpty(node.target) || this.mayBeEmpty(node.index);
      case 'slice':
        return this.mayBeEmpty(node.target);
      case 'text':
        return node.parts.some((part) => typeof part !== 'string' && this.mayBeEmpty(part));
      case 'object':
        return node.entries.some(({ key, value }) => this.mayBeEmpty(key) || this.mayBeEmpty(value));
      case 'negate':
        return this.mayBeEmpty(node.body);
      case 'pipe':
      case 'and':
      case 'or':
      case 'binary':
        return this.mayBeEmpty(node.left) || this.mayBeEmpty(node.right);
      case 'comma':
        return this.mayBeEmpty(node.left) && this.mayBeEmpty(node.right);
      case 'alternative':
        return this.mayBeEmpty(node.right);
      case 'if':
        return (
          this.mayBeEmpty(node.condition) ||
          this.mayBeEmpty(node.then) ||
          (node.otherwise ? this.mayBeEmpty(node.otherwise) : false)
        );
      case 'call':
        return !(ONE_OUTPUT.has(`${node.name}/${node.args.length}`) && !node.args.some((arg) => this.mayBeEmpty(arg)));
      case 'bind':
        return this.mayBeEmpty(node.source) || this.mayBeEmpty(node.body);
      default:
        return true;
    }
  }

  private fails(at: number, message: string): Type {
    this.notes.push({ kind: 'fails', at, message });
    return NEVER;
  }

  private index(node: Extract<JqNode, { kind: 'index' }>, scope: TypeScope): Type {
    const target = this.of(node.target, scope);
    const step = this.of(node.index, scope);
    if (target === ANY || target.length === 0) return target;
    const [only] = step;
    if (step.length !== 1 || !only) return ANY;
    if (only.kind === 'string' && only.values?.length === 1)
      return this.property(target, only.values[0] ?? '', node.index.at);
    if (only.kind === 'number') {
      const items = target.flatMap((part): Type[] => {
        if (part.kind === 'null') return [NULL];
        return part.kind === 'array' ? [elementAt(part, only)] : [];
      });
      return items.length > 0 ? union(...items) : this.fails(node.at, `${describeType(target)} has no items by number`);
    }
    return ANY;
  }

  private property(target: Type, name: string, at: number): Type {
    let isAbsent = true as boolean;
    const found = target.flatMap((part): Type[] => {
      if (part.kind === 'null') return [NULL];
      if (part.kind !== 'object') return [];
      const type = propertyOf(part, name);
      if (type.length > 0) isAbsent = false;
      return [part.required.has(name) ? type : union(type, NULL)];
    });
    if (found.length === 0) return this.fails(at, `${describeType(target)} has no properties, so no \`${name}\``);
    const isObject = target.some(({ kind }) => kind === 'object');
    if (isAbsent && isObject) {
      const names = target.flatMap((part) => (part.kind === 'object' ? [...part.properties.keys()] : []));
      this.notes.push({ kind: 'absent', at, message: `The value never has \`${name}\``, name, names });
    }
    return union(...found);
  }

  private slice(node: Extract<JqNode, { kind: 'slice' }>, scope: TypeScope): Type {
    const target = this.of(node.target, scope);
    if (target === ANY) return ANY;
    const parts = target.flatMap((part): Type[] => {
      if (part.kind === 'null') return [NULL];
      if (part.kind === 'string') return [STRING];
      return part.kind === 'array' ? [arrayOf(elements(part))] : [];
    });
    return parts.length > 0 ? union(...parts) : this.fails(node.at, `${describeType(target)} cannot be sliced`);
  }

  private iterate(node: Extract<JqNode, { kind: 'iterate' }>, scope: TypeScope): Type {
    const target = this.of(node.target, scope);
    if (target === ANY || target.length === 0) return target;
    const parts = target.filter(({ kind }) => kind === 'array' || kind === 'object');
    if (parts.length === 0) return this.fails(node.at, `${describeType(target)} cannot be iterated over`);
    return union(...parts.map(held));
  }

  private object(node: Extract<JqNode, { kind: 'object' }>, scope: TypeScope): Type {
    const properties = node.entries.map(({ key, value }): [string, Type] | undefined => {
      const type = this.of(value, scope);
      const [only] = this.of(key, scope);
      return only?.kind === 'string' && only.values?.length === 1 ? [only.values[0] ?? '', type] : undefined;
    });
    const known = properties.filter((property) => property !== undefined);
    return known.length === properties.length ? objectOf(known) : OBJECT;
  }

  private binary(node: Extract<JqNode, { kind: 'binary' }>, scope: TypeScope): Type {
    const [left, right] = [this.of(node.left, scope), this.of(node.right, scope)];
    if (!'+-*/%'.includes(node.operator)) return BOOLEAN;
    if (left === ANY || right === ANY) return node.operator === '%' ? NUMBER : ANY;
    if (left.length === 0 || right.length === 0) return NEVER;
    const results = left.flatMap((a) => right.flatMap((b) => combine(node.operator, a, b)));
    if (results.length > 0) return union(...results);
    return this.fails(
      node.at,
      `${describeType(left)} and ${describeType(right)} cannot be combined with \`${node.operator}\``,
    );
  }

  private call(node: Extract<JqNode, { kind: 'call' }>, scope: TypeScope): Type {
    const [first] = node.args;
    const key = `${node.name}/${node.args.length}`;
    const fixed = RESULTS[key];
    if (fixed) return fixed;
    switch (key) {
      case 'empty/0':
      case 'error/0':
      case 'error/1':
        return NEVER;
      case 'select/1':
        if (first) this.of(first, scope);
        return scope.input;
      case 'map/1':
        if (!first || scope.input === ANY) return arrayOf(ANY);
        return arrayOf(
          this.of(first, {
            ...scope,
            input: this.iterate({ kind: 'iterate', at: node.at, target: { kind: 'identity', at: node.at } }, scope),
          }),
        );
      case 'first/1':
      case 'last/1':
        return first ? this.of(first, scope) : ANY;
      case 'first/0':
      case 'last/0':
        return itemsOf(scope.input, (items) => union(items, NULL));
      case 'reverse/0':
        // A text is reversed too.
        if (scope.input.some(({ kind }) => kind !== 'array')) return ANY;
        return itemsOf(scope.input, arrayOf);
      case 'sort/0':
      case 'unique/0':
      case 'sort_by/1':
      case 'unique_by/1':
        return itemsOf(scope.input, arrayOf);
      case 'min/0':
      case 'max/0':
      case 'min_by/1':
      case 'max_by/1':
        return itemsOf(scope.input, (items) => union(items, NULL));
      case 'group_by/1':
        return itemsOf(scope.input, (items) => arrayOf(arrayOf(items)));
      default:
        return ANY;
    }
  }
}

/** Functions whose result does not depend on what they are given. */
const RESULTS: Readonly<Record<string, Type>> = {
  'not/0': BOOLEAN,
  'length/0': [{ kind: 'number', min: 0, max: Infinity, isInteger: false }],
  'utf8bytelength/0': COUNT,
  'type/0': union(...['null', 'boolean', 'number', 'string', 'array', 'object'].map(typeOfValue)),
  'keys/0': arrayOf(union(STRING, COUNT)),
  'keys_unsorted/0': arrayOf(union(STRING, COUNT)),
  'has/1': BOOLEAN,
  'in/1': BOOLEAN,
  'contains/1': BOOLEAN,
  'inside/1': BOOLEAN,
  'any/0': BOOLEAN,
  'any/1': BOOLEAN,
  'any/2': BOOLEAN,
  'all/0': BOOLEAN,
  'all/1': BOOLEAN,
  'all/2': BOOLEAN,
  'isempty/1': BOOLEAN,
  'startswith/1': BOOLEAN,
  'endswith/1': BOOLEAN,
  'test/1': BOOLEAN,
  'test/2': BOOLEAN,
  'tostring/0': STRING,
  'tojson/0': STRING,
  'tonumber/0': NUMBER,
  'toboolean/0': BOOLEAN,
  'ascii_downcase/0': STRING,
  'ascii_upcase/0': STRING,
  'trim/0': STRING,
  'ltrim/0': STRING,
  'rtrim/0': STRING,
  'join/1': STRING,
  'implode/0': STRING,
  'explode/0': arrayOf(COUNT),
  'split/1': arrayOf(STRING),
  'split/2': arrayOf(STRING),
  'splits/1': STRING,
  'sub/2': STRING,
  'gsub/2': STRING,
  'todate/0': STRING,
  'strftime/1': STRING,
  'now/0': NUMBER,
  'fromdate/0': NUMBER,
  'mktime/0': NUMBER,
  'floor/0': NUMBER,
  'ceil/0': NUMBER,
  'round/0': NUMBER,
  'sqrt/0': NUMBER,
  'abs/0': NUMBER,
  'range/1': NUMBER,
  'range/2': NUMBER,
  'range/3': NUMBER,
};

/** Functions that always have exactly one output. */
const ONE_OUTPUT: ReadonlySet<string> = new Set([
  ...Object.keys(RESULTS).filter((key) => !/^(range|splits|sub|gsub)\//.test(key)),
  ...[
    'map/1',
    'add/0',
    'sort/0',
    'sort_by/1',
    'group_by/1',
    'unique/0',
    'unique_by/1',
    'reverse/0',
    'first/0',
    'last/0',
  ],
  ...[
    'min/0',
    'max/0',
    'min_by/1',
    'max_by/1',
    'to_entries/0',
    'from_entries/0',
    'with_entries/1',
    'flatten/0',
    'flatten/1',
  ],
  ...[
    'fromjson/0',
    'ltrimstr/1',
    'rtrimstr/1',
    'keys/0',
    'error/0',
    'error/1',
    'transpose/0',
    'del/1',
    'index/1',
    'indices/1',
  ],
]);

function elementAt(
  array: Extract<Alternative, { kind: 'array' }>,
  step: Extract<Alternative, { kind: 'number' }>,
): Type {
  const index = step.values?.length === 1 ? Math.floor(step.values[0] ?? 0) : undefined;
  if (index === undefined || index < 0) return union(elements(array), NULL);
  const item = itemAt(array, index);
  return index < array.min ? item : union(index < array.max ? item : NEVER, NULL);
}

function elements(array: Extract<Alternative, { kind: 'array' }>): Type {
  return unionOf([...array.prefix, array.max > array.prefix.length ? array.rest : NEVER]);
}

/** What an array or object holds. */
function held(part: Alternative): Type {
  if (part.kind === 'array') return elements(part);
  return part.kind === 'object' ? unionOf([...part.properties.values(), part.additional]) : NEVER;
}

function itemsOf(input: Type, make: (items: Type) => Type): Type {
  if (input === ANY) return ANY;
  const arrays = input.filter((part) => part.kind === 'array');
  return arrays.length === 0 ? ANY : make(union(...arrays.map(elements)));
}

function truthy(type: Type): Type {
  if (type === ANY) return ANY;
  return type.flatMap((part): Alternative[] => {
    if (part.kind === 'null') return [];
    if (part.kind !== 'boolean') return [part];
    return part.value === false ? [] : [{ kind: 'boolean', value: true }];
  });
}

function combine(operator: string, a: Alternative, b: Alternative): Type[] {
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
