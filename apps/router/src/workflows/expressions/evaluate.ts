import { type Json, type JsonObject } from '../definition/json';
import { InlineBudget, Outgrown } from './budgets';
import type { Expression, Template } from './expression';
import { checkOutput } from './output';
import { runProgram } from './program';
import { EXPRESSION_LIMITS, type ExpressionLimits, ExpressionSandbox, WORKER_FILE } from './sandbox';
import { ExpressionFault, type JqNode } from './syntax';
import { setProperty } from './values';

/** Values of variables by name without `$`: `context`, `input`, `output`, `secrets`, `task`, `workflow`, `runtime`, loop variables… */
export type Scope = Readonly<Record<string, Json | undefined>>;

/**
 * Evaluates expressions: at once on the event loop when their work is bounded by their data and small, else in a worker.
 * So a result is a value or a promise; `await` takes both. Faults are thrown, or rejected, as ExpressionFault.
 */
export class Expressions {
  private readonly limits: ExpressionLimits;
  private readonly sandbox: ExpressionSandbox;

  constructor(limits: Partial<ExpressionLimits> = {}, workerFile = WORKER_FILE) {
    this.limits = { ...EXPRESSION_LIMITS, ...limits };
    this.sandbox = new ExpressionSandbox(this.limits, workerFile);
  }

  /** The first output of the expression on `data`, null when it has none. `now` is what the journal says, in milliseconds. */
  evaluate(expression: Expression, scope: Scope, data: Json, now?: number): Json | Promise<Json> {
    const { program, offset, isLoose, source } = expression;
    const failed = (error: unknown): Json => {
      if (!(error instanceof ExpressionFault)) throw error;
      if (isLoose) return source;
      throw new ExpressionFault(error.kind, error.message, (error.at ?? 0) + offset, error.value);
    };
    try {
      const globals = globalsOf(expression, scope);
      if (program.isBounded) {
        try {
          const result = runProgram(program, { budget: new InlineBudget(), globals, now }, data);
          // A part of what came in is bounded already.
          return isPath(program.ast) ? result : checkOutput(result, this.limits.maxOutputBytes);
        } catch (error) {
          if (!(error instanceof Outgrown)) throw error;
        }
      }
      return this.sandbox.run(program.text, globals, data, now).catch(failed);
    } catch (error) {
      return failed(error);
    }
  }

  /** A value with every expression in it replaced by its result. */
  resolve(template: Template, scope: Scope, data: Json, now?: number): Json | Promise<Json> {
    switch (template.kind) {
      case 'constant':
        return template.value;
      case 'expression':
        return this.evaluate(template, scope, data, now);
      case 'array':
        return together(template.items.map((item) => this.resolve(item, scope, data, now)));
      case 'object': {
        const values = together(template.entries.map(([, item]) => this.resolve(item, scope, data, now)));
        const named = (items: Json[]): JsonObject => {
          const object: JsonObject = {};
          template.entries.forEach(([name], index) => setProperty(object, name, items[index] ?? null));
          return object;
        };
        return values instanceof Promise ? values.then(named) : named(values);
      }
    }
  }

  /** Ends the worker thread. */
  close(): Promise<void> {
    return this.sandbox.close();
  }
}

function together(values: (Json | Promise<Json>)[]): Json[] | Promise<Json[]> {
  if (!values.some((value) => value instanceof Promise)) return values as Json[];
  return Promise.all(values.map((value) => Promise.resolve(value)));
}

function globalsOf({ variables }: Expression, scope: Scope): Record<string, Json> {
  const globals: Record<string, Json> = {};
  for (const name of variables) {
    const value = Object.hasOwn(scope, name) ? scope[name] : undefined;
    if (value !== undefined) globals[name] = value;
  }
  return globals;
}

function isPath(node: JqNode): boolean {
  if (node.kind === 'identity' || node.kind === 'variable') return true;
  return node.kind === 'index' && node.index.kind === 'literal' && isPath(node.target);
}
