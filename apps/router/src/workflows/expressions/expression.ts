import type { ExpressionMode } from '../definition/workflow';
import { isObject, type Json, type JsonObject, pointerTo } from '../definition/json';
import { isExpression } from '../definition/reader';
import { compileProgram, type Program } from './program';
import { ExpressionFault, type JqNode } from './syntax';

/** A runtime expression of a workflow. */
export interface Expression {
  kind: 'expression';
  /** As it was written, with `${ }` if it had one. */
  source: string;
  /** Where the program begins within `source`. */
  offset: number;
  program: Program;
  ast: JqNode;
  /** Variables that it reads, without `$`. */
  variables: ReadonlySet<string>;
  /** In loose mode a text that fails to evaluate stands for itself. */
  isLoose: boolean;
}

/**
 * Compiles the text of a field that is always an expression (`if`, `when`, `in`, `from`, `as`…), with or without `${ }`.
 * Throws an ExpressionFault whose `at` counts from the beginning of `source`.
 */
export function compileExpression(source: string, isLoose = false): Expression {
  const isWrapped = isExpression(source);
  const start = isWrapped ? source.indexOf('${') + 2 : 0;
  const text = isWrapped ? source.slice(start, source.lastIndexOf('}')) : source;
  const offset = start + (text.length - text.trimStart().length);
  try {
    const program = compileProgram(text.trim());
    return {
      kind: 'expression',
      source,
      offset,
      program,
      ast: program.ast,
      variables: program.variables,
      isLoose: isLoose && !isWrapped,
    };
  } catch (error) {
    if (!(error instanceof ExpressionFault)) throw error;
    throw new ExpressionFault(error.kind, error.message, (error.at ?? 0) + offset, error.value);
  }
}

/** A value with expressions in it, ready to be evaluated. */
export type Template =
  | { kind: 'constant'; value: Json }
  | Expression
  | { kind: 'array'; items: Template[] }
  | { kind: 'object'; entries: [string, Template][] };

/** One expression that cannot be compiled, and where it stands in the value. */
export interface TemplateFault {
  pointer: string;
  fault: ExpressionFault;
}

/**
 * Compiles a value whose texts may be expressions: in strict mode those wholly inside `${ }`, in loose mode every text that is one.
 * Faults are handed to `report`, which throws unless told otherwise; the text then stands for itself.
 */
export function compileTemplate(
  value: Json,
  mode: ExpressionMode = 'strict',
  report: (fault: TemplateFault) => void = ({ fault }) => {
    throw fault;
  },
  pointer = '',
): Template {
  if (typeof value === 'string') return compileText(value, mode, report, pointer);
  if (Array.isArray(value)) {
    const items = value.map((item, index) => compileTemplate(item, mode, report, pointerTo(pointer, index)));
    return items.every(({ kind }) => kind === 'constant') ? { kind: 'constant', value } : { kind: 'array', items };
  }
  if (!isObject(value)) return { kind: 'constant', value };
  const entries = Object.entries(value).map(([name, item]): [string, Template] => [
    name,
    compileTemplate(item, mode, report, pointerTo(pointer, name)),
  ]);
  return entries.every(([, { kind }]) => kind === 'constant')
    ? { kind: 'constant', value }
    : { kind: 'object', entries };
}

function compileText(
  text: string,
  mode: ExpressionMode,
  report: (fault: TemplateFault) => void,
  pointer: string,
): Template {
  const isWrapped = isExpression(text);
  if (!isWrapped && mode === 'strict') return { kind: 'constant', value: text };
  try {
    return compileExpression(text, true);
  } catch (fault) {
    if (!(fault instanceof ExpressionFault)) throw fault;
    if (isWrapped) report({ pointer, fault });
    return { kind: 'constant', value: text };
  }
}

/** `input.from`, `output.as` and `export.as`: a text is always an expression, an object is a template. */
export function compileTransform(transform: string | JsonObject, mode: ExpressionMode = 'strict'): Template {
  return typeof transform === 'string' ? compileExpression(transform) : compileTemplate(transform, mode);
}
