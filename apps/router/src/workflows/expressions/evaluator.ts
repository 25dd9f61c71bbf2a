import type { Json, JsonObject } from '../definition/json';
import { callNative, FORBIDDEN, isNative } from './natives';
import { changePath, deletePaths, getStep, setPath } from './paths';
import { PRELUDE } from './prelude';
import {
  type BinaryOperator,
  ExpressionFault,
  type JqNode,
  type Pattern,
  patternVariables,
  type UpdateOperator,
} from './syntax';
import { formatText } from './formats';
import { type Budget, fault, isTruthy, operate, setProperty, shown, toText, typeOf } from './values';

/** What one evaluation knows besides its input. */
export interface Context {
  budget: Budget;
  /** Values of the variables that the expression does not bind itself. */
  globals: Readonly<Record<string, Json>>;
  /** `now`, in milliseconds since 1970: from the journal, so that a replay sees the same. */
  now: number | undefined;
}

export type Path = Json[] | null;
/** Takes one output; `path` is where it stands in the input when paths are wanted, else null. */
export type Emit = (value: Json, path: Path) => void;
type Run = (context: Context, env: Env, input: Json, path: Path, emit: Emit) => void;
type One = (context: Context, env: Env, input: Json) => Json;

/** A compiled node: `run` yields any number of outputs; `one`, where present, exactly one and faster. */
export interface Code {
  run: Run;
  one?: One;
}

/** Values of variables and functions in scope, innermost first; the compiler knows how far down each lies. */
interface Frame {
  value: Json | Closure;
  next: Env;
}
export type Env = Frame | null;
interface Closure {
  code: Code;
  /** Where the code sees its variables; absent for a function, which sees from its own frame down. */
  env?: Env;
}

type Scope = { kind: 'variable' | 'function' | 'closure' | 'label'; name: string; next: Scope } | null;

/** Thrown to leave a generator early: by `break`, `first`, `limit`. */
class Leave extends Error {
  constructor(readonly owner: object) {
    super('left');
  }
}

/** An error from further down the pipeline, which a `try` around the producer must not catch. */
class Downstream extends Error {
  constructor(
    readonly error: unknown,
    readonly owner: object,
  ) {
    super('passed on');
  }
}

/** Compiles a syntax tree to closures. Unknown functions and the forbidden ones are faults here already. */
export function compileNode(node: JqNode): Code {
  return compile(node, null);
}

const NO_PATH = (value: Json): ExpressionFault => fault(`Invalid path expression with result ${shown(value)}`);

/** A node with exactly one output, which is no path. */
function single(one: One): Code {
  return {
    one,
    run(context, env, input, path, emit) {
      const value = one(context, env, input);
      if (path !== null) throw NO_PATH(value);
      emit(value, null);
    },
  };
}

function located(error: unknown, at: number): Error {
  if (error instanceof ExpressionFault && error.at === undefined)
    return new ExpressionFault(error.kind, error.message, at, error.value);
  return error as Error;
}

function compile(node: JqNode, scope: Scope): Code {
  switch (node.kind) {
    case 'identity':
      return { one: (_context, _env, input) => input, run: (_context, _env, input, path, emit) => emit(input, path) };
    case 'literal': {
      const { value } = node;
      return single(() => value);
    }
    case 'variable':
      return compileVariable(node.name, node.at, scope);
    case 'index':
      return compileIndex(node, scope);
    case 'slice':
      return compileSlice(node, scope);
    case 'iterate':
      return compileIterate(node, scope);
    case 'recurse':
      return { run: (context, _env, input, path, emit) => recurse(context, input, path, emit) };
    case 'array':
      return compileArray(node, scope);
    case 'object':
      return compileObject(node, scope);
    case 'text':
      return compileText(node, scope);
    case 'format': {
      const { name, at } = node;
      return single((context, _env, input) => formatAt(name, input, context.budget, at));
    }
    case 'negate': {
      const body = compile(node.body, scope);
      return unary(body, (value) => {
        if (typeof value !== 'number') throw located(fault(`${shown(value)} cannot be negated`), node.at);
        return -value;
      });
    }
    case 'pipe':
      return compilePipe(compile(node.left, scope), compile(node.right, scope));
    case 'comma': {
      const [left, right] = [compile(node.left, scope), compile(node.right, scope)];
      return {
        run(context, env, input, path, emit) {
          left.run(context, env, input, path, emit);
          right.run(context, env, input, path, emit);
        },
      };
    }
    case 'and':
    case 'or':
      return compileLogic(node.kind === 'or', compile(node.left, scope), compile(node.right, scope));
    case 'alternative':
      return compileAlternative(compile(node.left, scope), compile(node.right, scope));
    case 'binary':
      return compileBinary(node.operator, compile(node.left, scope), compile(node.right, scope), node.at);
    case 'update':
      return compileUpdate(node.operator, compile(node.left, scope), compile(node.right, scope), node.at);
    case 'if':
      return compileIf(node, scope);
    case 'try':
      return compileTry(compile(node.body, scope), node.handler && compile(node.handler, scope));
    case 'reduce':
      return compileReduce(node, scope);
    case 'foreach':
      return compileForeach(node, scope);
    case 'bind':
      return compileBind(node, scope);
    case 'label':
      return compileLabel(node, scope);
    case 'break': {
      const depth = depthOf(scope, 'label', node.name);
      if (depth === undefined) throw new ExpressionFault('unknown', `There is no label $${node.name}`, node.at);
      return {
        run(_context, env) {
          throw new Leave(frameAt(env, depth).value as object);
        },
      };
    }
    case 'define': {
      const body = compileFunction(node.params, node.body, {
        kind: 'function',
        name: `${node.name}/${node.params.length}`,
        next: scope,
      });
      const rest = compile(node.rest, { kind: 'function', name: `${node.name}/${node.params.length}`, next: scope });
      return {
        run: (context, env, input, path, emit) =>
          rest.run(context, { value: { code: body }, next: env }, input, path, emit),
      };
    }
    case 'call':
      return compileCall(node, scope);
  }
}

function depthOf(scope: Scope, kind: 'variable' | 'label', name: string): number | undefined {
  let depth = 0;
  for (let entry = scope; entry !== null; entry = entry.next, depth += 1)
    if (entry.kind === kind && entry.name === name) return depth;
  return undefined;
}

function frameAt(env: Env, depth: number): Frame {
  let frame = env as Frame;
  for (let left = depth; left > 0; left -= 1) frame = frame.next as Frame;
  return frame;
}

function compileVariable(name: string, at: number, scope: Scope): Code {
  const depth = depthOf(scope, 'variable', name);
  if (depth !== undefined) return single((_context, env) => frameAt(env, depth).value as Json);
  if (name === 'ENV')
    throw new ExpressionFault('forbidden', '`$ENV`: the environment of the router is not visible', at);
  return single((context) => {
    const value = Object.hasOwn(context.globals, name) ? context.globals[name] : undefined;
    if (value === undefined) throw new ExpressionFault('unknown', `$${name} is not defined here`, at);
    return value;
  });
}

/** Runs `code` for its values alone. */
function valuesOf(code: Code, context: Context, env: Env, input: Json, take: (value: Json) => void): void {
  if (code.one) take(code.one(context, env, input));
  else code.run(context, env, input, null, (value) => take(value));
}

function unary(body: Code, change: (value: Json, context: Context) => Json): Code {
  const { one } = body;
  if (one) return single((context, env, input) => change(one(context, env, input), context));
  return {
    run(context, env, input, path, emit) {
      body.run(context, env, input, null, (value) => {
        const changed = change(value, context);
        if (path !== null) throw NO_PATH(changed);
        emit(changed, null);
      });
    },
  };
}

function compileIndex(node: Extract<JqNode, { kind: 'index' }>, scope: Scope): Code {
  const { at } = node;
  const [target, index] = [compile(node.target, scope), compile(node.index, scope)];
  const step = (context: Context, value: Json, key: Json): Json => {
    try {
      return getStep(value, key, context.budget);
    } catch (error) {
      throw located(error, at);
    }
  };
  const [targetOne, indexOne] = [target.one, index.one];
  const one: One | undefined =
    targetOne &&
    indexOne &&
    ((context, env, input) => step(context, targetOne(context, env, input), indexOne(context, env, input)));
  return {
    ...(one ? { one } : {}),
    run(context, env, input, path, emit) {
      context.budget.tick();
      valuesOf(index, context, env, input, (key) =>
        target.run(context, env, input, path, (value, place) =>
          emit(step(context, value, key), place && [...place, key]),
        ),
      );
    },
  };
}

function compileSlice(node: Extract<JqNode, { kind: 'slice' }>, scope: Scope): Code {
  const { at } = node;
  const target = compile(node.target, scope);
  const nothing = single(() => null);
  const from = node.from ? compile(node.from, scope) : nothing;
  const to = node.to ? compile(node.to, scope) : nothing;
  return {
    run(context, env, input, path, emit) {
      context.budget.tick();
      valuesOf(from, context, env, input, (start) =>
        valuesOf(to, context, env, input, (end) => {
          const range: JsonObject = { start, end };
          target.run(context, env, input, path, (value, place) => {
            let part: Json;
            try {
              if (value !== null && typeof value !== 'string' && !Array.isArray(value))
                throw fault(`Cannot index ${typeOf(value)} with object`);
              part = getStep(value, range, context.budget);
            } catch (error) {
              throw located(error, at);
            }
            context.budget.build(Array.isArray(part) || typeof part === 'string' ? part.length : 1);
            emit(part, place && [...place, range]);
          });
        }),
      );
    },
  };
}

/** Emits what an array or object holds. */
export function iterate(context: Context, value: Json, path: Path, emit: Emit): void {
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      context.budget.tick();
      emit(value[index] ?? null, path && [...path, index]);
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const name of Object.keys(value)) {
      context.budget.tick();
      emit(value[name] ?? null, path && [...path, name]);
    }
  } else throw fault(`Cannot iterate over ${value === null ? 'null' : shown(value)}`);
}

function compileIterate(node: Extract<JqNode, { kind: 'iterate' }>, scope: Scope): Code {
  const target = compile(node.target, scope);
  return {
    run(context, env, input, path, emit) {
      target.run(context, env, input, path, (value, place) => {
        if (typeof value !== 'object' || value === null)
          throw located(fault(`Cannot iterate over ${value === null ? 'null' : shown(value)}`), node.at);
        iterate(context, value, place, emit);
      });
    },
  };
}

/** `..`: the value and all that it holds, outermost first. */
export function recurse(context: Context, value: Json, path: Path, emit: Emit): void {
  context.budget.tick();
  emit(value, path);
  if (typeof value === 'object' && value !== null)
    iterate(context, value, path, (child, place) => recurse(context, child, place, emit));
}

function compileArray(node: Extract<JqNode, { kind: 'array' }>, scope: Scope): Code {
  const { body } = node;
  if (!body) return single(() => []);
  const code = compile(body, scope);
  return single((context, env, input) => {
    const items: Json[] = [];
    code.run(context, env, input, null, (value) => {
      context.budget.build(1);
      items.push(value);
    });
    return items;
  });
}

function compileObject(node: Extract<JqNode, { kind: 'object' }>, scope: Scope): Code {
  const entries = node.entries.map(({ key, value }) => ({
    at: key.at,
    key: compile(key, scope),
    value: compile(value, scope),
  }));
  const put = (object: JsonObject, key: Json, value: Json, at: number): void => {
    if (typeof key !== 'string') throw located(fault(`Object keys must be strings, not ${shown(key)}`), at);
    setProperty(object, key, value);
  };
  const ones = entries.map(({ key, value, at }) =>
    key.one && value.one ? { key: key.one, value: value.one, at } : undefined,
  );
  if (ones.every((entry) => entry !== undefined))
    return single((context, env, input) => {
      context.budget.build(ones.length);
      const object: JsonObject = {};
      for (const { key, value, at } of ones) put(object, key(context, env, input), value(context, env, input), at);
      return object;
    });
  return {
    run(context, env, input, path, emit) {
      const extend = (index: number, pairs: [Json, Json, number][]): void => {
        const entry = entries[index];
        if (!entry) {
          context.budget.build(entries.length);
          const object: JsonObject = {};
          for (const [key, value, at] of pairs) put(object, key, value, at);
          if (path !== null) throw NO_PATH(object);
          emit(object, null);
          return;
        }
        valuesOf(entry.key, context, env, input, (key) =>
          valuesOf(entry.value, context, env, input, (value) => extend(index + 1, [...pairs, [key, value, entry.at]])),
        );
      };
      extend(0, []);
    },
  };
}

function formatAt(name: string, value: Json, budget: Budget, at: number): string {
  try {
    return formatText(name, value, budget);
  } catch (error) {
    throw located(error, at);
  }
}

function compileText(node: Extract<JqNode, { kind: 'text' }>, scope: Scope): Code {
  const { format, at } = node;
  const parts = node.parts.map((part) => (typeof part === 'string' ? part : compile(part, scope)));
  const render = (value: Json, budget: Budget): string => {
    return format === 'text' ? toText(value, budget) : formatAt(format, value, budget, at);
  };
  const ones = parts.map((part) => (typeof part === 'string' ? part : part.one));
  if (ones.every((part) => part !== undefined))
    return single((context, env, input) => {
      let text = '';
      for (const part of ones)
        text += typeof part === 'string' ? part : render(part(context, env, input), context.budget);
      context.budget.build(text.length);
      return text;
    });
  return {
    run(context, env, input, path, emit) {
      // The last interpolation varies slowest, as in jq.
      const extend = (index: number, tail: string): void => {
        const part = parts[index];
        context.budget.build(tail.length);
        if (part === undefined) {
          if (path !== null) throw NO_PATH(tail);
          emit(tail, null);
        } else if (typeof part === 'string') extend(index - 1, part + tail);
        else valuesOf(part, context, env, input, (value) => extend(index - 1, render(value, context.budget) + tail));
      };
      extend(parts.length - 1, '');
    },
  };
}

function compilePipe(left: Code, right: Code): Code {
  const [first, second] = [left.one, right.one];
  return {
    ...(first && second ? { one: (context, env, input) => second(context, env, first(context, env, input)) } : {}),
    run: (context, env, input, path, emit) =>
      left.run(context, env, input, path, (value, place) => right.run(context, env, value, place, emit)),
  };
}

function compileLogic(isOr: boolean, left: Code, right: Code): Code {
  const [first, second] = [left.one, right.one];
  if (first && second)
    return single((context, env, input) => {
      const value = isTruthy(first(context, env, input));
      return value === isOr ? value : isTruthy(second(context, env, input));
    });
  return {
    run(context, env, input, path, emit) {
      if (path !== null) throw NO_PATH(true);
      valuesOf(left, context, env, input, (value) => {
        if (isTruthy(value) === isOr) emit(isOr, null);
        else valuesOf(right, context, env, input, (other) => emit(isTruthy(other), null));
      });
    },
  };
}

/** Runs `produce`; what it throws itself goes to `caught`, what its consumer throws passes through. */
function attempt(produce: (guard: (emit: Emit) => Emit) => void, caught: (error: ExpressionFault) => void): void {
  const owner = {};
  const guard =
    (emit: Emit): Emit =>
    (value, path) => {
      try {
        emit(value, path);
      } catch (error) {
        throw new Downstream(error, owner);
      }
    };
  try {
    produce(guard);
  } catch (error) {
    if (error instanceof Downstream && error.owner === owner) throw error.error as Error;
    if (!(error instanceof ExpressionFault) || error.kind !== 'runtime') throw error;
    caught(error);
  }
}

function compileAlternative(left: Code, right: Code): Code {
  return {
    run(context, env, input, path, emit) {
      let isFound = false as boolean;
      attempt(
        (guard) => {
          const pass = guard(emit);
          left.run(context, env, input, path, (value, place) => {
            if (!isTruthy(value)) return;
            isFound = true;
            pass(value, place);
          });
        },
        () => undefined,
      );
      if (!isFound) right.run(context, env, input, path, emit);
    },
  };
}

function compileBinary(operator: BinaryOperator, left: Code, right: Code, at: number): Code {
  const apply = (context: Context, a: Json, b: Json): Json => {
    context.budget.tick();
    try {
      return operate(operator, a, b, context.budget);
    } catch (error) {
      throw located(error, at);
    }
  };
  const [first, second] = [left.one, right.one];
  if (first && second)
    return single((context, env, input) => {
      // The right side first, as in jq.
      const b = second(context, env, input);
      return apply(context, first(context, env, input), b);
    });
  return {
    run(context, env, input, path, emit) {
      valuesOf(right, context, env, input, (b) =>
        valuesOf(left, context, env, input, (a) => {
          const result = apply(context, a, b);
          if (path !== null) throw NO_PATH(result);
          emit(result, null);
        }),
      );
    },
  };
}

/** All paths that `code` takes into `input`. */
export function pathsOf(code: Code, context: Context, env: Env, input: Json): Json[][] {
  const paths: Json[][] = [];
  code.run(context, env, input, [], (_value, path) => {
    context.budget.build(1 + (path?.length ?? 0));
    if (path) paths.push(path);
  });
  return paths;
}

/** The first output of `code`, or undefined when there is none. */
export function firstOf(code: Code, context: Context, env: Env, input: Json): Json | undefined {
  if (code.one) return code.one(context, env, input);
  const owner = {};
  let found: Json | undefined;
  try {
    code.run(context, env, input, null, (value) => {
      found = value;
      throw new Leave(owner);
    });
  } catch (error) {
    if (!(error instanceof Leave) || error.owner !== owner) throw error;
  }
  return found;
}

/** Runs `produce` until it calls `leave`. */
export function leavable(produce: (leave: () => never) => void): void {
  const owner = {};
  try {
    produce(() => {
      throw new Leave(owner);
    });
  } catch (error) {
    if (!(error instanceof Leave) || error.owner !== owner) throw error;
  }
}

function compileUpdate(operator: UpdateOperator, left: Code, right: Code, at: number): Code {
  const update = (context: Context, env: Env, input: Json, emit: Emit): void => {
    const { budget } = context;
    if (operator === '|=') {
      emit(modify(left, right, context, env, input), null);
      return;
    }
    valuesOf(right, context, env, input, (operand) => {
      let result = input;
      for (const path of pathsOf(left, context, env, input)) {
        result =
          operator === '='
            ? setPath(result, path, operand, budget)
            : changePath(
                result,
                path,
                (old) => {
                  if (operator === '//=') return isTruthy(old) ? old : operand;
                  return operate(operator.slice(0, -1) as BinaryOperator, old, operand, budget);
                },
                budget,
              );
      }
      emit(result, null);
    });
  };
  return {
    run(context, env, input, path, emit) {
      if (path !== null) throw NO_PATH(input);
      const results: Json[] = [];
      try {
        update(context, env, input, (value) => results.push(value));
      } catch (error) {
        throw located(error, at);
      }
      for (const result of results) emit(result, null);
    },
  };
}

/** `paths |= change`: the first output of `change` replaces the value; no output removes it. */
function modify(paths: Code, change: Code, context: Context, env: Env, input: Json): Json {
  const removed: Json[][] = [];
  let result = input;
  for (const path of pathsOf(paths, context, env, input)) {
    result = changePath(
      result,
      path,
      (old) => {
        const replacement = firstOf(change, context, env, old);
        if (replacement === undefined) removed.push(path);
        return replacement ?? null;
      },
      context.budget,
    );
  }
  return deletePaths(result, removed, context.budget);
}

function compileIf(node: Extract<JqNode, { kind: 'if' }>, scope: Scope): Code {
  const [condition, then] = [compile(node.condition, scope), compile(node.then, scope)];
  const otherwise: Code = node.otherwise
    ? compile(node.otherwise, scope)
    : compile({ kind: 'identity', at: node.at }, scope);
  const [test, yes, no] = [condition.one, then.one, otherwise.one];
  return {
    ...(test && yes && no
      ? { one: (context, env, input) => (isTruthy(test(context, env, input)) ? yes : no)(context, env, input) }
      : {}),
    run: (context, env, input, path, emit) =>
      valuesOf(condition, context, env, input, (value) =>
        (isTruthy(value) ? then : otherwise).run(context, env, input, path, emit),
      ),
  };
}

function compileTry(body: Code, handler: Code | undefined): Code {
  return {
    run(context, env, input, path, emit) {
      let failed = undefined as ExpressionFault | undefined;
      attempt(
        (guard) => body.run(context, env, input, path, guard(emit)),
        (error) => {
          failed = error;
        },
      );
      if (failed && handler)
        handler.run(context, env, failed.value === undefined ? failed.message : failed.value, null, emit);
    },
  };
}

/** Calls `use` with the variables of `pattern` bound to parts of `value`, once for every way to bind them. */
type Binder = (context: Context, env: Env, input: Json, value: Json, use: (env: Env) => void) => void;

function compilePattern(pattern: Pattern, scope: Scope): { bind: Binder; scope: Scope } {
  if (pattern.kind === 'variable')
    return {
      scope: { kind: 'variable', name: pattern.name, next: scope },
      bind: (_context, env, _input, value, use) => use({ value, next: env }),
    };
  let inner = scope;
  const binders: Binder[] = [];
  const parts = pattern.kind === 'array' ? pattern.items.map((value, index) => ({ index, value })) : pattern.entries;
  for (const part of parts) {
    const key: Code =
      'index' in part ? single(() => part.index) : part.key ? compile(part.key, inner) : single(() => null);
    const named = (part as { variable?: string }).variable !== undefined;
    if (named) inner = { kind: 'variable', name: (part as { variable?: string }).variable ?? '', next: inner };
    const deeper = part.value && compilePattern(part.value, inner);
    if (deeper) inner = deeper.scope;
    binders.push((context, env, input, value, use) =>
      valuesOf(key, context, env, input, (step) => {
        if (pattern.kind === 'object' && typeof step !== 'string')
          throw fault(`Cannot index ${typeOf(value)} with ${shown(step)}`);
        const found = getStep(value, step, context.budget);
        const bound = named ? { value: found, next: env } : env;
        if (deeper) deeper.bind(context, bound, input, found, use);
        else use(bound);
      }),
    );
  }
  return {
    scope: inner,
    bind(context, env, input, value, use) {
      const next = (index: number, bound: Env): void => {
        const binder = binders[index];
        if (binder) binder(context, bound, input, value, (deeper) => next(index + 1, deeper));
        else use(bound);
      };
      next(0, env);
    },
  };
}

function compileBind(node: Extract<JqNode, { kind: 'bind' }>, scope: Scope): Code {
  const source = compile(node.source, scope);
  const only = node.patterns[0];
  if (node.patterns.length === 1 && only?.kind === 'variable') {
    const body = compile(node.body, { kind: 'variable', name: only.name, next: scope });
    const [first, second] = [source.one, body.one];
    return {
      ...(first && second
        ? { one: (context, env, input) => second(context, { value: first(context, env, input), next: env }, input) }
        : {}),
      run: (context, env, input, path, emit) =>
        valuesOf(source, context, env, input, (value) => body.run(context, { value, next: env }, input, path, emit)),
    };
  }
  // With `?//` every variable of every pattern is null until bound.
  const names = node.patterns.length > 1 ? [...new Set(node.patterns.flatMap(patternVariables))] : [];
  const outer = names.reduce<Scope>((next, name) => ({ kind: 'variable', name, next }), scope);
  const ways = node.patterns.map((pattern) => {
    const { bind, scope: inner } = compilePattern(pattern, outer);
    return { bind, body: compile(node.body, inner) };
  });
  return {
    run(context, env, input, path, emit) {
      const base = names.reduce<Env>((next) => ({ value: null, next }), env);
      valuesOf(source, context, env, input, (value) => {
        const attemptWay = (index: number): void => {
          const way = ways[index];
          if (!way) return;
          const { bind, body } = way;
          const go = (pass: Emit): void =>
            bind(context, base, input, value, (bound) => body.run(context, bound, input, path, pass));
          if (index === ways.length - 1) {
            go(emit);
            return;
          }
          let isFailed = false as boolean;
          attempt(
            (guard) => go(guard(emit)),
            () => (isFailed = true),
          );
          if (isFailed) attemptWay(index + 1);
        };
        attemptWay(0);
      });
    },
  };
}

function compileReduce(node: Extract<JqNode, { kind: 'reduce' }>, scope: Scope): Code {
  const [source, init] = [compile(node.source, scope), compile(node.init, scope)];
  const { bind, scope: inner } = compilePattern(node.pattern, scope);
  const update = compile(node.update, inner);
  return {
    run(context, env, input, path, emit) {
      init.run(context, env, input, path, (start, startPath) => {
        let state = start;
        let place = startPath;
        valuesOf(source, context, env, input, (value) =>
          bind(context, env, input, value, (bound) => {
            context.budget.tick();
            let last: Json = null;
            let lastPlace: Path = place && [];
            update.run(context, bound, state, place, (next, nextPath) => {
              last = next;
              lastPlace = nextPath;
            });
            state = last;
            place = lastPlace;
          }),
        );
        emit(state, place);
      });
    },
  };
}

function compileForeach(node: Extract<JqNode, { kind: 'foreach' }>, scope: Scope): Code {
  const [source, init] = [compile(node.source, scope), compile(node.init, scope)];
  const { bind, scope: inner } = compilePattern(node.pattern, scope);
  const update = compile(node.update, inner);
  const extract = node.extract && compile(node.extract, inner);
  return {
    run(context, env, input, path, emit) {
      init.run(context, env, input, path, (start, startPath) => {
        let state = start;
        let place = startPath;
        valuesOf(source, context, env, input, (value) =>
          bind(context, env, input, value, (bound) => {
            context.budget.tick();
            update.run(context, bound, state, place, (next, nextPath) => {
              state = next;
              place = nextPath;
              if (extract) extract.run(context, bound, next, nextPath, emit);
              else emit(next, nextPath);
            });
          }),
        );
      });
    },
  };
}

function compileLabel(node: Extract<JqNode, { kind: 'label' }>, scope: Scope): Code {
  const body = compile(node.body, { kind: 'label', name: node.name, next: scope });
  return {
    run(context, env, input, path, emit) {
      const label = {};
      try {
        body.run(context, { value: label, next: env }, input, path, emit);
      } catch (error) {
        if (!(error instanceof Leave) || error.owner !== label) throw error;
      }
    },
  };
}

/** A function's body; its frame holds the function itself, then its parameters, then the values of those with `$`. */
function compileFunction(params: string[], body: JqNode, scope: Scope): Code {
  let inner = scope;
  for (const param of params) inner = { kind: 'closure', name: `${param.replace('$', '')}/0`, next: inner };
  const values = params.filter((param) => param.startsWith('$')).map((param) => param.slice(1));
  for (const name of values) inner = { kind: 'variable', name, next: inner };
  const code = compile(body, inner);
  if (values.length === 0) return code;
  const places = params.flatMap((param, index) => (param.startsWith('$') ? [params.length - 1 - index] : []));
  return {
    run(context, env, input, path, emit) {
      const bind = (index: number, bound: Env): void => {
        const place = places[index];
        if (place === undefined) {
          code.run(context, bound, input, path, emit);
          return;
        }
        const { code: argument, env: argumentEnv } = frameAt(env, place).value as Closure;
        valuesOf(argument, context, argumentEnv ?? null, input, (value) => bind(index + 1, { value, next: bound }));
      };
      bind(0, env);
    },
  };
}

const preludeCode = new Map<string, Code>();

function compileCall(node: Extract<JqNode, { kind: 'call' }>, scope: Scope): Code {
  const { name, at } = node;
  const key = `${name}/${node.args.length}`;
  let depth = 0;
  for (let entry = scope; entry !== null; entry = entry.next, depth += 1) {
    if (entry.name !== key) continue;
    if (entry.kind === 'closure') return callClosure(depth);
    if (entry.kind === 'function')
      return callFunction(
        depth,
        node.args.map((arg) => compile(arg, scope)),
      );
  }
  const reason = FORBIDDEN[name];
  if (reason !== undefined) throw new ExpressionFault('forbidden', `\`${name}\`: ${reason}`, at);
  const args = node.args.map((arg) => compile(arg, scope));
  if (isNative(key)) return callNative(key, args, (error) => located(error, at));
  const prelude = PRELUDE.get(key);
  if (!prelude) throw new ExpressionFault('unknown', `There is no function \`${key}\``, at);
  return callPrelude(key, args);
}

function callClosure(depth: number): Code {
  return {
    run(context, env, input, path, emit) {
      context.budget.tick();
      const { code, env: captured } = frameAt(env, depth).value as Closure;
      code.run(context, captured ?? null, input, path, emit);
    },
  };
}

function withArguments(args: Code[], base: Env, env: Env): Env {
  return args.reduce<Env>((next, code) => ({ value: { code, env }, next }), base);
}

function callFunction(depth: number, args: Code[]): Code {
  return {
    run(context, env, input, path, emit) {
      context.budget.tick();
      const frame = frameAt(env, depth);
      (frame.value as Closure).code.run(context, withArguments(args, frame, env), input, path, emit);
    },
  };
}

/** Functions that are written in jq are compiled when first used; they may call themselves, so not before they run. */
function callPrelude(key: string, args: Code[]): Code {
  return {
    run(context, env, input, path, emit) {
      context.budget.tick();
      let code = preludeCode.get(key);
      if (!code) {
        const { params, body } = PRELUDE.get(key) ?? { params: [], body: { kind: 'identity', at: 0 } as JqNode };
        code = compileFunction(params, body, null);
        preludeCode.set(key, code);
      }
      code.run(context, withArguments(args, null, env), input, path, emit);
    },
  };
}
