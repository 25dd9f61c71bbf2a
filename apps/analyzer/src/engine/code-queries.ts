import type { CodeFile } from './code-file';
import { GRAMMARS, isEcmaScript } from './languages';
import type { SyntaxTree } from './syntax-tree';

/** A call in the code: what is called, as written (`fs.promises.readFile`), and its arguments. */
export interface Call {
  node: number;
  callee: string;
  args: number[];
}

const callCache = new WeakMap<SyntaxTree, Call[]>();

/** Every call of a TypeScript, JavaScript or Python file, in document order. */
export function callsOf({ tree, language }: Pick<CodeFile, 'tree' | 'language'>): Call[] {
  const known = callCache.get(tree);
  if (known) return known;
  const types = new Set(GRAMMARS[language].calls);
  const calls: Call[] = [];
  for (const node of tree.ofType(types)) {
    if (!tree.isNamed(node)) continue;
    const callee = ['function', 'constructor', 'name', 'method']
      .map((field) => tree.child(node, field))
      .find((at) => at >= 0);
    if (callee === undefined) continue;
    const list = tree.child(node, 'arguments');
    const text = tree.source.slice(tree.start(callee), Math.min(tree.end(callee), tree.start(callee) + 200));
    calls.push({
      node,
      callee: text.replace(/\s+/g, '').replaceAll('?.', '.'),
      args: list < 0 ? [] : [...tree.namedChildren(list)],
    });
  }
  callCache.set(tree, calls);
  return calls;
}

/** Parentheses, `await`, `as T` and `!` taken off. */
export function bare(tree: SyntaxTree, node: number): number {
  let at = node;
  while (at >= 0 && WRAPPERS.has(tree.type(at))) at = tree.firstNamed(at);
  return at;
}
const WRAPPERS = new Set([
  'parenthesized_expression',
  'await_expression',
  'await',
  'as_expression',
  'non_null_expression',
  'satisfies_expression',
]);

/** The value of a keyword argument (Python) or of a property of an object literal; -1 when there is none. */
export function option(tree: SyntaxTree, args: readonly number[], name: string): number {
  for (const arg of args) {
    if (tree.type(arg) === 'keyword_argument') {
      const key = tree.child(arg, 'name');
      if (key >= 0 && tree.text(key) === name) return tree.child(arg, 'value');
    } else if (tree.type(arg) === 'object')
      for (const pair of tree.namedChildren(arg)) {
        const key = tree.child(pair, 'key');
        if (key >= 0 && tree.text(key).replace(/['"]/g, '') === name) return tree.child(pair, 'value');
        if (tree.type(pair) === 'shorthand_property_identifier' && tree.text(pair) === name) return pair;
      }
  }
  return -1;
}

const LITERALS = new Set([
  'string',
  'number',
  'integer',
  'float',
  'true',
  'false',
  'null',
  'none',
  'undefined',
  'regex',
  'concatenated_string',
]);

/** Whether an expression is a text put together from parts that are not known here: a template, a sum, an f-string. */
export function isBuiltText(file: CodeFile, node: number, depth = 0): boolean {
  const { tree } = file;
  const at = bare(tree, node);
  if (at < 0 || depth > 8) return false;
  const type = tree.type(at);
  if (type === 'template_string') return tree.childOfType(at, 'template_substitution') >= 0;
  if (type === 'string') return tree.childOfType(at, 'interpolation') >= 0;
  if (type === 'binary_expression' || type === 'binary_operator') {
    const operator = tree.child(at, 'operator');
    const sides = [...tree.namedChildren(at)];
    if (operator >= 0 && tree.type(operator) === '%') return tree.type(sides[0] ?? -1) === 'string';
    return (
      operator >= 0 &&
      tree.type(operator) === '+' &&
      sides.some((side) => hasText(tree, side)) &&
      sides.some((side) => !isConstant(file, side))
    );
  }
  if (type === 'call') {
    const callee = tree.child(at, 'function');
    return callee >= 0 && /^(?:f?["'].*["'])\.(?:format|join)$/s.test(tree.text(callee));
  }
  if (type === 'identifier') {
    const value = initialValue(file, at);
    return value >= 0 && isBuiltText(file, value, depth + 1);
  }
  return false;
}

function hasText(tree: SyntaxTree, node: number): boolean {
  for (const at of tree.ofType(new Set(['string', 'template_string']), node)) return at >= 0;
  return false;
}

/** Whether the value is written in the code, also through a local constant. */
export function isConstant(file: CodeFile, node: number, depth = 0): boolean {
  const { tree } = file;
  const at = bare(tree, node);
  if (at < 0 || depth > 8) return false;
  const type = tree.type(at);
  if (type === 'template_string') return tree.childOfType(at, 'template_substitution') < 0;
  if (type === 'string') return tree.childOfType(at, 'interpolation') < 0;
  if (LITERALS.has(type)) return true;
  if (type === 'binary_expression' || type === 'binary_operator' || type === 'array' || type === 'list')
    return [...tree.namedChildren(at)].every((side) => isConstant(file, side, depth + 1));
  if (type === 'member_expression' || type === 'attribute')
    return (
      /^[A-Z][A-Z0-9_.]*$/.test(tree.text(at)) ||
      /^(?:process\.execPath|__dirname|__filename|sys\.executable)$/.test(tree.text(at))
    );
  if (type !== 'identifier') return false;
  const name = tree.text(at);
  if (name === '__dirname' || name === '__filename') return true;
  const value = initialValue(file, at);
  return value >= 0 && isConstant(file, value, depth + 1);
}

/** What a name is first given in its own function or at the top of the file; -1 when that is not to be seen. */
export function initialValue({ tree, units }: CodeFile, name: number): number {
  const text = tree.text(name);
  const scope = units.scope[name] ?? -1;
  let found = -1;
  for (const at of assignmentsOf(tree).get(text) ?? []) {
    const where = units.scope[at.node] ?? -1;
    if (at.node >= name || (where !== scope && where !== -1)) continue;
    if (where === scope || found < 0) found = at.value;
  }
  return found;
}

const assignmentCache = new WeakMap<SyntaxTree, Map<string, { node: number; value: number }[]>>();

function assignmentsOf(tree: SyntaxTree): Map<string, { node: number; value: number }[]> {
  const known = assignmentCache.get(tree);
  if (known) return known;
  const map = new Map<string, { node: number; value: number }[]>();
  for (const node of tree.ofType(new Set(['variable_declarator', 'assignment', 'assignment_expression']))) {
    const name = tree.child(node, 'name') >= 0 ? tree.child(node, 'name') : tree.child(node, 'left');
    const value = tree.child(node, 'value') >= 0 ? tree.child(node, 'value') : tree.child(node, 'right');
    if (name < 0 || value < 0 || tree.type(name) !== 'identifier') continue;
    const list = map.get(tree.text(name)) ?? [];
    list.push({ node, value });
    map.set(tree.text(name), list);
  }
  assignmentCache.set(tree, map);
  return map;
}

const REQUEST =
  /\b(?:req|request|ctx\.request|event)\.(?:params|query|body|headers|cookies|url|path|args|form|values|json|GET|POST|data|files|queryStringParameters|pathParameters)\b/;

/**
 * Where a value comes from, as far as one function shows: names that carry data of a request, or of a tool's call,
 * spread through assignments, destructuring and calls that take them.
 */
export function taintedNames(file: CodeFile, unit: number, sources: readonly string[]): Set<string> {
  const { tree, units } = file;
  const tainted = new Set(sources);
  const node = units.list[unit]?.node ?? -1;
  if (node < 0) return tainted;
  for (let round = 0; round < 3; round++) {
    const before = tainted.size;
    for (const at of tree.ofType(
      new Set(['variable_declarator', 'assignment', 'assignment_expression', 'for_in_statement', 'for_statement']),
      node,
    )) {
      const left = ['name', 'left'].map((field) => tree.child(at, field)).find((child) => child >= 0);
      const right = ['value', 'right'].map((field) => tree.child(at, field)).find((child) => child >= 0);
      if (left === undefined || right === undefined || !mentions(tree, right, tainted) || isGuardedValue(tree, right))
        continue;
      for (const leaf of tree.ofType(new Set(['identifier', 'shorthand_property_identifier_pattern']), left))
        tainted.add(tree.text(leaf));
    }
    if (tainted.size === before) break;
  }
  return tainted;
}

/** A call that checks or narrows its argument gives a value that can be trusted. */
const GUARD_CALL =
  /(?:valid|sanit|assert|allow|check|safe|escape|quote|basename|secure|parseInt|Number|int|parse|resolveInside|within|normali[sz]eAnd)/i;

function isGuardedValue(tree: SyntaxTree, node: number): boolean {
  const at = bare(tree, node);
  const callee = at < 0 ? -1 : tree.child(at, 'function');
  return (
    callee >= 0 &&
    (tree.type(at) === 'call_expression' || tree.type(at) === 'call') &&
    GUARD_CALL.test(tree.text(callee).slice(-40))
  );
}

/** Whether an expression names one of these, not counting property names. */
export function mentions(tree: SyntaxTree, node: number, names: ReadonlySet<string>): boolean {
  const end = tree.next(node);
  for (let at = node; at < end; at++) {
    const type = tree.type(at);
    if (
      (type === 'identifier' || type === 'shorthand_property_identifier') &&
      names.has(tree.text(at)) &&
      tree.field(at) !== 'attribute' &&
      tree.field(at) !== 'property'
    )
      return true;
  }
  return false;
}

/** Whether an expression reads data of an HTTP request. */
export function readsRequest(file: CodeFile, node: number, depth = 0): boolean {
  const { tree } = file;
  const text = tree.source.slice(tree.start(node), Math.min(tree.end(node), tree.start(node) + 500));
  if (REQUEST.test(text)) return true;
  if (depth > 3) return false;
  for (const at of tree.ofType(new Set(['identifier']), node)) {
    const value = initialValue(file, at);
    if (value >= 0 && readsRequest(file, value, depth + 1)) return true;
  }
  return false;
}

/** Names of the parameters of a function, those inside patterns included. */
export function parameterNames(tree: SyntaxTree, unit: number): string[] {
  const list = [tree.child(unit, 'parameters'), tree.child(unit, 'parameter')].find((at) => at >= 0);
  if (list === undefined) return [];
  const names: string[] = [];
  for (const at of tree.ofType(new Set(['identifier', 'shorthand_property_identifier_pattern']), list)) {
    const parent = tree.type(tree.parent(at));
    if (tree.field(at) === 'value' || tree.field(at) === 'type' || parent === 'type' || parent === 'decorator')
      continue;
    names.push(tree.text(at));
  }
  return names.filter((name) => name !== 'self' && name !== 'cls' && name !== 'this');
}

export const isScript = (file: CodeFile): boolean => isEcmaScript(file.language);
