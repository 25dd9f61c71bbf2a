import { classesOf } from './cohesion';
import { complexitiesOf } from './complexity';
import { halsteadOf, maintainability, type Halstead } from './halstead';
import { GRAMMARS, type LanguageId } from './languages';
import { countLines, lineMarks, type LineCounts } from './lines';
import type { SyntaxTree } from './syntax-tree';
import { unitsOf, type Units } from './units';

export interface FunctionMetrics {
  name: string;
  kind: 'function' | 'method' | 'lambda' | 'field' | 'static';
  line: number;
  endLine: number;
  lines: number;
  cyclomatic: number;
  cognitive: number;
  cognitiveSonar: number;
  nesting: number;
  parameters: number;
  /** Distinct names it calls. */
  fanOut: number;
  /** Functions of the same file that call it by name. */
  fanIn: number;
  volume: number;
  maintainability: number;
}

export interface ClassMetrics {
  name: string;
  line: number;
  endLine: number;
  methods: number;
  fields: number;
  lcom4: number;
}

export interface FileMetrics {
  lines: LineCounts;
  /** Sums and maxima over the file's functions. */
  cyclomatic: number;
  cognitive: number;
  halstead: Halstead;
  maintainability: number;
  functions: FunctionMetrics[];
  classes: ClassMetrics[];
}

/** All metrics of one file. Fan-in and fan-out between files come from the import graph of the whole analysis. */
export function measure(tree: SyntaxTree, language: LanguageId, units: Units = unitsOf(tree, language)): FileMetrics {
  const complexities = complexitiesOf(tree, language, units);
  const halstead = halsteadOf(tree, units);
  const marks = lineMarks(tree);
  const calls = callsOf(tree, language, units);
  const callers = new Map<string, number>();
  for (const names of calls) for (const name of names) callers.set(name, (callers.get(name) ?? 0) + 1);

  const functions = units.list.map(({ node, kind, name }, index): FunctionMetrics => {
    const line = tree.lineAt(tree.start(node));
    const endLine = tree.lineAt(Math.max(tree.start(node), tree.end(node) - 1));
    const cyclomatic = complexities.cyclomatic[index] ?? 1;
    const volume = halstead.units[index]?.volume ?? 0;
    const { code } = countLines(marks, line, endLine);
    return {
      name,
      kind,
      line,
      endLine,
      lines: endLine - line + 1,
      cyclomatic,
      cognitive: complexities.cognitive[index] ?? 0,
      cognitiveSonar: complexities.cognitiveSonar[index] ?? 0,
      nesting: complexities.nesting[index] ?? 0,
      parameters: parameterCount(tree, language, node),
      fanOut: calls[index]?.size ?? 0,
      fanIn: callers.get(lastPart(name)) ?? 0,
      volume,
      maintainability: maintainability(volume, cyclomatic, code),
    };
  });

  const lines = countLines(marks, 1, endsWithNewline(tree.source) ? tree.lineCount - 1 : tree.lineCount);
  const cyclomatic = functions.reduce((sum, one) => sum + one.cyclomatic, 0);
  return {
    lines,
    cyclomatic,
    cognitive: functions.reduce((sum, one, index) => sum + (units.list[index]?.outer === -1 ? one.cognitive : 0), 0),
    halstead: halstead.file,
    maintainability: maintainability(halstead.file.volume, cyclomatic, lines.code),
    functions,
    classes: classesOf(tree, language).map(({ node, name, methods, fields, lcom4 }) => ({
      name,
      line: tree.lineAt(tree.start(node)),
      endLine: tree.lineAt(Math.max(tree.start(node), tree.end(node) - 1)),
      methods: methods.length,
      fields: fields.length,
      lcom4,
    })),
  };
}

const endsWithNewline = (source: string) => source.endsWith('\n');
const lastPart = (name: string) => name.slice(name.lastIndexOf('.') + 1);

/** Names called by each unit: of `a.b.c()` the `c`. */
function callsOf(tree: SyntaxTree, language: LanguageId, units: Units): Set<string>[] {
  const calls = units.list.map(() => new Set<string>());
  for (const node of tree.ofType(new Set(GRAMMARS[language].calls))) {
    const own = calls[units.scope[node] ?? -1];
    if (!own || !tree.isNamed(node)) continue;
    const name = calleeName(tree, node);
    if (name) own.add(name);
  }
  return calls;
}

/** The last name of what a call calls, '' when it is no name. */
function calleeName(tree: SyntaxTree, call: number): string {
  for (const field of ['function', 'name', 'constructor', 'method', 'macro', 'type']) {
    let callee = tree.child(call, field);
    for (;;) {
      if (callee < 0) break;
      const inner = ['property', 'attribute', 'field', 'name']
        .map((part) => tree.child(callee, part))
        .find((at) => at >= 0);
      if (inner === undefined) break;
      callee = inner;
    }
    if (callee >= 0 && tree.isLeaf(callee)) return tree.text(callee);
  }
  return '';
}

const NO_PARAMETERS = new Set(['*', '/', 'this_type', 'keyword_separator', 'positional_separator', 'type_parameters']);

function parameterCount(tree: SyntaxTree, language: LanguageId, unit: number): number {
  const types = new Set(GRAMMARS[language].parameters);
  const single = tree.child(unit, 'parameter');
  if (single >= 0) return 1;
  let list = tree.child(unit, 'parameters');
  if (list < 0) {
    const declarator = tree.child(unit, 'declarator');
    if (declarator >= 0) list = [...tree.ofType(types, declarator)][0] ?? -1;
  }
  if (list < 0) return 0;
  if (!types.has(tree.type(list))) return 1;
  let count = 0;
  for (const child of tree.namedChildren(list)) if (!NO_PARAMETERS.has(tree.type(child))) count++;
  return count;
}
