import type { Json } from '../../definition/json';
import { iterate } from '../compiler/access';
import { type Code, type Context, type Env, generator, type Path, valuesOf } from '../compiler/code';
import { firstOf, leavable } from '../compiler/early-exit';
import { fault, isTruthy } from '../values';
import type { GeneratorFunction } from './builtin';

/** Which outputs there are, and how many of them are taken. */
export const OUTPUTS: Readonly<Record<string, GeneratorFunction>> = {
  'empty/0': () => ({ run: () => undefined }),
  'error/0': () => generator((_context, _env, input) => raise(input)),
  'error/1': ([message]) => generator((context, env, input) => valuesOf(message, context, env, input, raise)),
  'select/1': ([condition]) => ({
    run(context, env, input, path, emit) {
      context.budget.tick();
      condition.run(context, env, input, null, (value) => {
        if (isTruthy(value)) emit(input, path);
      });
    },
  }),
  'map/1'([f]) {
    const one = (context: Context, env: Env, input: Json): Json => {
      const items: Json[] = [];
      const put = (value: Json): void => {
        context.budget.build(1);
        items.push(value);
      };
      iterate(context, input, null, (item) => valuesOf(f, context, env, item, put));
      return items;
    };
    return { one, ...generator((context, env, input, emit) => emit(one(context, env, input))) };
  },
  'limit/2': ([count, f]) => window(count, f, false),
  'skip/2': ([count, f]) => window(count, f, true),
  'first/1': ([f]) => ({
    run(context, env, input, path, emit) {
      let found: { value: Json; path: Path } | undefined;
      leavable((leaveNow) =>
        f.run(context, env, input, path, (value, place) => {
          found = { value, path: place };
          leaveNow();
        }),
      );
      if (found) emit(found.value, found.path);
    },
  }),
  'last/1': ([f]) => ({
    run(context, env, input, path, emit) {
      let found: { value: Json; path: Path } | undefined;
      f.run(context, env, input, path, (value, place) => {
        found = { value, path: place };
      });
      if (found) emit(found.value, found.path);
    },
  }),
  'isempty/1': ([f]) => generator((context, env, input, emit) => emit(firstOf(f, context, env, input) === undefined)),
  'any/2': ([source, condition]) => quantify(source, condition, true),
  'all/2': ([source, condition]) => quantify(source, condition, false),
};

/** The first `count` outputs of `f`, or all but those. */
function window(count: Code, f: Code, isSkip: boolean): Code {
  return {
    run(context, env, input, path, emit) {
      valuesOf(count, context, env, input, (limit) => {
        if (typeof limit !== 'number') throw fault('Invalid arguments to limit');
        if (limit < 0) throw fault(`${isSkip ? 'skip' : 'limit'} doesn't support negative count`);
        if (!isSkip && limit <= 0) return;
        let seen = 0;
        leavable((leaveNow) =>
          f.run(context, env, input, path, (value, place) => {
            seen += 1;
            if (!isSkip || seen > limit) emit(value, place);
            if (!isSkip && seen >= limit) leaveNow();
          }),
        );
      });
    },
  };
}

/** Whether one of the outputs of `source` meets (or, for `all`, fails) the condition. */
function quantify(source: Code, condition: Code, wanted: boolean): Code {
  return generator((context, env, input, emit) => {
    let isFound = false as boolean;
    leavable((leaveNow) =>
      valuesOf(source, context, env, input, (value) =>
        valuesOf(condition, context, env, value, (holds) => {
          if (isTruthy(holds) !== wanted) return;
          isFound = true;
          leaveNow();
        }),
      ),
    );
    emit(isFound === wanted);
  });
}

function raise(value: Json): never {
  if (typeof value === 'string') throw fault(value);
  throw fault(`${toShort(value)} (not a string)`, value);
}

function toShort(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > 200 ? `${text.slice(0, 197)}...` : text;
}
