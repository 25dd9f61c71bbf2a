import type { JqNode } from '../expressions/syntax';
import { mayBeEmpty, RESULTS } from './jq-results';
import { combine, elementAt, elements, held, itemsOf, truthy } from './type-operations';
import {
  ANY,
  arrayOf,
  BOOLEAN,
  describeType,
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
  return mayBeEmpty(node) ? union(type, NULL) : type;
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
