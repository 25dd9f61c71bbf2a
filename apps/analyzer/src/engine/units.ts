import { GRAMMARS, isEcmaScript, type LanguageId } from './languages';
import type { SyntaxTree } from './syntax-tree';

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

/** Finds the units of a file and which of them every node belongs to. */
export function unitsOf(tree: SyntaxTree, language: LanguageId): Units {
  const functions = new Set(GRAMMARS[language].functions);
  const ecma = isEcmaScript(language);
  const list: Unit[] = [];
  const scope = new Int32Array(tree.size).fill(-1);
  /** Unit that the children of a node run in, where it differs from the node's own. */
  const inner = new Int32Array(tree.size).fill(-2);

  const add = (node: number, kind: Unit['kind'], outer: number): number => {
    list.push({ node, kind, name: nameOf(tree, node, kind), outer });
    return list.length - 1;
  };

  for (let node = 0; node < tree.size; node++) {
    const parent = tree.parent(node);
    const type = tree.type(node);
    let own = parent < 0 ? -1 : (scope[parent] ?? -1);
    if (parent >= 0 && inner[parent] !== -2) {
      const field = tree.field(node);
      const parentType = tree.type(parent);
      const outside = type === 'decorator' || (ecma && field === 'name' && parentType === 'method_definition');
      if (!outside) own = inner[parent] ?? -1;
    }
    if (ecma && tree.field(node) === 'value' && isFieldDefinition(tree.type(parent))) own = add(node, 'field', own);
    scope[node] = own;
    if (ecma && type === 'class_static_block') inner[node] = add(node, 'static', own);
    else if (functions.has(type) && tree.isNamed(node) && hasBody(tree, node, language))
      inner[node] = add(node, kindOf(type), own);
  }
  return { list, scope };
}

const isFieldDefinition = (type: string) => type === 'field_definition' || type === 'public_field_definition';

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
