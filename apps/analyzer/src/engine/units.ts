import { GRAMMARS, isEcmaScript, type LanguageId } from './languages';
import type { NodeNames, SyntaxTree } from './syntax-tree';

/** A piece of code that runs as a whole: what a complexity is measured of. */
export interface Unit {
  /** Node of the function, of a class field's initial value, or of a static block. */
  node: number;
  kind: 'function' | 'method' | 'lambda' | 'field' | 'static';
  /** Qualified where the code says so: `Class.method`. */
  name: string;
  /** Index of the enclosing unit, -1 at the top of the file. */
  outer: number;
}

export interface Units {
  list: Unit[];
  /** Index of the unit each node runs in, -1 outside of any. */
  scope: Int32Array;
}

const NO_BODY_NEEDED = new Set(['python', 'ruby', 'bash']);
const LAMBDAS = new Set([
  'arrow_function',
  'func_literal',
  'lambda_expression',
  'closure_expression',
  'anonymous_function',
  'anonymous_method_expression',
  'lambda',
]);
const METHODS = new Set([
  'method_definition',
  'method_declaration',
  'constructor_declaration',
  'method',
  'singleton_method',
]);

const Part = { function: 1, staticBlock: 2, field: 4, decorator: 8, method: 16 } as const;

const partsByNames = new WeakMap<NodeNames, Uint8Array>();

/** What a type of node has to do with units, by the type's number. */
function partsOf(names: NodeNames, language: LanguageId): Uint8Array {
  const known = partsByNames.get(names);
  if (known) return known;
  const functions = new Set(GRAMMARS[language].functions);
  const ecma = isEcmaScript(language);
  const parts = Uint8Array.from(names.types, (type, id) => {
    let part = 0;
    if (functions.has(type) && names.named[id] === 1) part |= Part.function;
    if (type === 'decorator') part |= Part.decorator;
    if (ecma && type === 'class_static_block') part |= Part.staticBlock;
    if (ecma && (type === 'field_definition' || type === 'public_field_definition')) part |= Part.field;
    if (ecma && type === 'method_definition') part |= Part.method;
    return part;
  });
  partsByNames.set(names, parts);
  return parts;
}

/** Finds the units of a file and which of them every node belongs to. */
export function unitsOf(tree: SyntaxTree, language: LanguageId): Units {
  const parts = partsOf(tree.names, language);
  const partOf = (node: number) => parts[tree.types[node] ?? 0] ?? 0;
  const list: Unit[] = [];
  const scope = new Int32Array(tree.size);
  /** Unit that the children of a node run in, where it differs from the node's own. */
  const inner = new Map<number, number>();

  const add = (node: number, kind: Unit['kind'], outer: number): number => {
    list.push({ node, kind, name: nameOf(tree, node, kind), outer });
    return list.length - 1;
  };

  for (let node = 0; node < tree.size; node++) {
    const parent = tree.parent(node);
    const part = partOf(node);
    let own = -1;
    if (parent >= 0) {
      const parentPart = partOf(parent);
      own = scope[parent] ?? -1;
      if (parentPart !== 0) {
        const within = inner.get(parent);
        const outside =
          (part & Part.decorator) !== 0 || ((parentPart & Part.method) !== 0 && tree.field(node) === 'name');
        if (within !== undefined && !outside) own = within;
        if (parentPart & Part.field && tree.field(node) === 'value') own = add(node, 'field', own);
      }
    }
    scope[node] = own;
    if (part & Part.staticBlock) inner.set(node, add(node, 'static', own));
    else if (part & Part.function && hasBody(tree, node, language))
      inner.set(node, add(node, kindOf(tree.type(node)), own));
  }
  return { list, scope };
}

function hasBody(tree: SyntaxTree, node: number, language: LanguageId): boolean {
  return NO_BODY_NEEDED.has(language) || tree.child(node, 'body') >= 0 || tree.type(node) !== 'method_declaration';
}

function kindOf(type: string): Unit['kind'] {
  if (LAMBDAS.has(type)) return 'lambda';
  return METHODS.has(type) ? 'method' : 'function';
}

const NAME_FIELDS = ['name', 'declarator'];
const CLASS_LIKE = new Set([
  'class_declaration',
  'class',
  'abstract_class_declaration',
  'class_definition',
  'class_specifier',
  'struct_specifier',
  'impl_item',
  'enum_declaration',
  'record_declaration',
  'struct_declaration',
  'module',
  'trait_declaration',
]);

function nameOf(tree: SyntaxTree, node: number, kind: Unit['kind']): string {
  if (kind === 'static') return qualified(tree, node, 'static block');
  if (kind === 'field') return qualified(tree, node, labelOf(tree, tree.parent(node)) || 'field');
  const own = labelOf(tree, node);
  return own ? qualified(tree, node, own) : qualified(tree, node, nameFromContext(tree, node) || '(anonymous)');
}

function labelOf(tree: SyntaxTree, node: number): string {
  for (const field of NAME_FIELDS) {
    const child = tree.child(node, field);
    if (child >= 0) return shortText(tree, child);
  }
  const property = tree.child(node, 'property');
  return property >= 0 ? shortText(tree, property) : '';
}

/** What an anonymous function is given to: a variable, a property, an assignment. */
function nameFromContext(tree: SyntaxTree, node: number): string {
  let parent = tree.parent(node);
  while (parent >= 0 && tree.type(parent) === 'parenthesized_expression') parent = tree.parent(parent);
  if (parent < 0) return '';
  for (const field of ['name', 'left', 'key', 'property']) {
    const child = tree.child(parent, field);
    if (child >= 0 && child < node) return shortText(tree, child);
  }
  return '';
}

function qualified(tree: SyntaxTree, node: number, name: string): string {
  const owner = tree.ancestor(node, CLASS_LIKE);
  if (owner < 0 || tree.end(owner) < tree.end(node)) return name;
  const type = tree.child(owner, 'name') >= 0 ? tree.child(owner, 'name') : tree.child(owner, 'type');
  return type < 0 ? name : `${shortText(tree, type)}.${name}`;
}

function shortText(tree: SyntaxTree, node: number): string {
  const text = tree.source.slice(tree.start(node), Math.min(tree.end(node), tree.start(node) + 120));
  const line = text.split('\n', 1)[0] ?? '';
  return line.replace(/\(.*$/, '').trim();
}
