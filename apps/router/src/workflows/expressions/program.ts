import type { Json } from '../definition/json';
import type { Code, Context } from './compiler/code';
import { compileNode } from './compiler/compiler';
import { firstOf } from './compiler/early-exit';
import { parseJq } from './parser';
import { childrenOf, ExpressionFault, type JqNode, patternVariables } from './syntax';

/** A jq program, parsed and compiled. */
export interface Program {
  text: string;
  ast: JqNode;
  /** Variables that whoever evaluates must give, without `$`. */
  variables: ReadonlySet<string>;
  /** False when the work does not follow from the size of the data: such a program runs off the event loop at once. */
  isBounded: boolean;
  code: Code;
}

/** Functions whose work or result can be out of proportion to their input. */
const UNBOUNDED = new Set([
  'range',
  'repeat',
  'while',
  'until',
  'recurse',
  'limit',
  'skip',
  'nth',
  'combinations',
  'walk',
  'test',
  'match',
  'capture',
  'scan',
  'splits',
  'sub',
  'gsub',
  'tostream',
  'fromstream',
  'truncate_stream',
  'leaf_paths',
  'paths',
]);

const cache = new Map<string, Program>();
const CACHE_SIZE = 5_000;
/** Longer programs are compiled each time, so that the cache stays small. */
const MAX_CACHED_LENGTH = 4_000;
const MAX_LENGTH = 100_000;

/** Parses and compiles; throws an ExpressionFault of kind `syntax`, `unknown` or `forbidden`. Programs are kept by text. */
export function compileProgram(text: string): Program {
  const known = cache.get(text);
  if (known) return known;
  if (text.length > MAX_LENGTH)
    throw new ExpressionFault('syntax', `The expression is longer than ${MAX_LENGTH} characters`);
  const program = build(text);
  if (text.length > MAX_CACHED_LENGTH) return program;
  if (cache.size >= CACHE_SIZE) cache.clear();
  cache.set(text, program);
  return program;
}

function build(text: string): Program {
  try {
    const ast = parseJq(text);
    const variables = new Set<string>();
    freeVariables(ast, new Set(), variables);
    return { text, ast, variables, isBounded: isBounded(ast), code: compileNode(ast) };
  } catch (error) {
    // Long chains such as .a.a.a nest as deeply as brackets do.
    if (error instanceof RangeError) throw new ExpressionFault('syntax', 'The expression nests too deeply');
    throw error;
  }
}

/** The first output, or null when there is none; the standard wants one value of every expression. */
export function runProgram(program: Program, context: Context, data: Json): Json {
  try {
    return firstOf(program.code, context, null, data) ?? null;
  } catch (error) {
    if (error instanceof RangeError) throw new ExpressionFault('limit', 'The expression recurses too deeply');
    throw error;
  }
}

function isBounded(node: JqNode): boolean {
  switch (node.kind) {
    case 'reduce':
    case 'foreach':
    case 'recurse':
    case 'define':
      return false;
    case 'call':
      // `split` with two arguments takes a regular expression.
      if (UNBOUNDED.has(node.name) || (node.name === 'split' && node.args.length === 2)) return false;
      return node.args.every(isBounded);
    default:
      return childrenOf(node).every(isBounded);
  }
}

function freeVariables(node: JqNode, bound: ReadonlySet<string>, found: Set<string>): void {
  switch (node.kind) {
    case 'variable':
      if (!bound.has(node.name)) found.add(node.name);
      return;
    case 'reduce':
    case 'foreach': {
      freeVariables(node.source, bound, found);
      freeVariables(node.init, bound, found);
      const inner = new Set([...bound, ...patternVariables(node.pattern)]);
      freeVariables(node.update, inner, found);
      if (node.kind === 'foreach' && node.extract) freeVariables(node.extract, inner, found);
      return;
    }
    case 'bind': {
      const inner = new Set([...bound, ...node.patterns.flatMap(patternVariables)]);
      // Keys of a pattern see what was bound before them; counting all as bound misses nothing that could run.
      for (const child of childrenOf(node)) freeVariables(child, child === node.source ? bound : inner, found);
      return;
    }
    case 'define': {
      const params = node.params.filter((param) => param.startsWith('$')).map((param) => param.slice(1));
      freeVariables(node.body, new Set([...bound, ...params]), found);
      freeVariables(node.rest, bound, found);
      return;
    }
    default:
      for (const child of childrenOf(node)) freeVariables(child, bound, found);
  }
}
