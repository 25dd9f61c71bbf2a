import type { Json } from '../../definition/json';
import { ExpressionFault } from '../syntax';
import { type Budget, fault, shown } from '../values';

/** What one evaluation knows besides its input. */
export interface Context {
  budget: Budget;
  /** Values of the variables that the expression does not bind itself. */
  globals: Readonly<Record<string, Json>>;
  /** `now`, in milliseconds since 1970: from the journal, so that a replay sees the same. */
  now: number | undefined;
}

/** Where a value stands in the input; null when nobody asks for paths. */
export type Path = Json[] | null;

/** Takes one output and its path. */
export type Emit = (value: Json, path: Path) => void;

type Run = (context: Context, env: Env, input: Json, path: Path, emit: Emit) => void;
export type One = (context: Context, env: Env, input: Json) => Json;

/** A compiled node: `run` yields any number of outputs; `one`, where present, exactly one and faster. */
export interface Code {
  run: Run;
  one?: One;
}

/** Values of variables and functions in scope, innermost first; the compiler knows how far down each lies. */
export interface Frame {
  value: Json | Closure;
  next: Env;
}

export type Env = Frame | null;
export interface Closure {
  code: Code;
  /** Where the code sees its variables; absent for a function, which sees from its own frame down. */
  env?: Env;
}

/** What to throw where a path is wanted and `value` is not part of the input. */
export function notAPath(value: Json): ExpressionFault {
  return fault(`Invalid path expression with result ${shown(value)}`);
}

/** A node with exactly one output, which is no path. */
export function single(one: One): Code {
  return {
    one,
    run(context, env, input, path, emit) {
      const value = one(context, env, input);
      if (path !== null) throw notAPath(value);
      emit(value, null);
    },
  };
}

/** Any number of outputs, which are no paths. */
export function generator(
  produce: (context: Context, env: Env, input: Json, emit: (value: Json) => void) => void,
): Code {
  return {
    run(context, env, input, path, emit) {
      produce(context, env, input, (value) => {
        if (path !== null) throw notAPath(value);
        emit(value, null);
      });
    },
  };
}

/** Runs `code` for its values alone. */
export function valuesOf(code: Code, context: Context, env: Env, input: Json, take: (value: Json) => void): void {
  if (code.one) take(code.one(context, env, input));
  else code.run(context, env, input, null, (value) => take(value));
}

/** The error with the place in the expression where it arose, unless it has one from further inside. */
export function located(error: unknown, at: number): Error {
  if (error instanceof ExpressionFault && error.at === undefined)
    return new ExpressionFault(error.kind, error.message, at, error.value);
  return error as Error;
}
