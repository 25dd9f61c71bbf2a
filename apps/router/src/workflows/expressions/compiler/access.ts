import type { Json, JsonObject } from '../../definition/json';
import { type Code, type Context, type Emit, type Env, located, type One, type Path, single, valuesOf } from './code';
import { getStep } from '../paths';
import { fault, shown, typeOf } from '../values';

/** `target[index]`. */
export function indexCode(target: Code, index: Code, at: number): Code {
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

const UNBOUNDED = single(() => null);

/** `target[from:to]`; a missing bound is null. */
export function sliceCode(target: Code, from: Code = UNBOUNDED, to: Code = UNBOUNDED, at: number): Code {
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

/** `target[]`. */
export function iterateCode(target: Code, at: number): Code {
  return {
    run(context, env, input, path, emit) {
      target.run(context, env, input, path, (value, place) => {
        if (typeof value !== 'object' || value === null)
          throw located(fault(`Cannot iterate over ${value === null ? 'null' : shown(value)}`), at);
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

/** All paths that `code` takes into `input`. */
export function pathsOf(code: Code, context: Context, env: Env, input: Json): Json[][] {
  const paths: Json[][] = [];
  code.run(context, env, input, [], (_value, path) => {
    context.budget.build(1 + (path?.length ?? 0));
    if (path) paths.push(path);
  });
  return paths;
}
