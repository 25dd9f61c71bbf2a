import type { Json } from '../../definition/json';
import { type Code, type Context, type Emit, type Env, type Path, single, valuesOf } from './code';
import { attempt } from './early-exit';
import { getStep } from '../paths';
import type { Compile, Scope } from './scope';
import { type JqNode, type Pattern, patternVariables } from '../syntax';
import { fault, shown, typeOf } from '../values';

/** Calls `use` with the variables of `pattern` bound to parts of `value`, once for every way to bind them. */
type Binder = (context: Context, env: Env, input: Json, value: Json, use: (env: Env) => void) => void;

function compilePattern(pattern: Pattern, scope: Scope, compile: Compile): { bind: Binder; scope: Scope } {
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
    const deeper = part.value && compilePattern(part.value, inner, compile);
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

/** `source as pattern ?// … | body`. */
export function compileBind(node: Extract<JqNode, { kind: 'bind' }>, scope: Scope, compile: Compile): Code {
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
    const { bind, scope: inner } = compilePattern(pattern, outer, compile);
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

/** `reduce source as pattern (init; update)`. */
export function compileReduce(node: Extract<JqNode, { kind: 'reduce' }>, scope: Scope, compile: Compile): Code {
  const [source, init] = [compile(node.source, scope), compile(node.init, scope)];
  const { bind, scope: inner } = compilePattern(node.pattern, scope, compile);
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

/** `foreach source as pattern (init; update; extract)`. */
export function compileForeach(node: Extract<JqNode, { kind: 'foreach' }>, scope: Scope, compile: Compile): Code {
  const [source, init] = [compile(node.source, scope), compile(node.init, scope)];
  const { bind, scope: inner } = compilePattern(node.pattern, scope, compile);
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
