import type { Json } from '../../definition/json';
import { recurse } from '../compiler/access';
import { type Code, type Context, type Emit, type Env, generator, type Path, valuesOf } from '../compiler/code';
import { firstOf } from '../compiler/early-exit';
import { fault, isTruthy } from '../values';
import type { GeneratorFunction } from './builtin';

/** What goes on until something ends it. */
export const LOOPS: Readonly<Record<string, GeneratorFunction>> = {
  'recurse/0': () => ({ run: (context, _env, input, path, emit) => recurse(context, input, path, emit) }),
  'recurse/1': ([f]) => ({ run: (context, env, input, path, emit) => unfold(f, context, env, input, path, emit) }),
  'repeat/1': ([f]) => ({ run: (context, env, input, path, emit) => unfold(f, context, env, input, path, emit) }),
  'while/2': ([condition, f]) => ({
    run(context, env, input, path, emit) {
      const step: Code = {
        run(inner, frame, value, place, pass) {
          f.run(inner, frame, value, place, (next, nextPlace) => {
            if (isTruthy(firstOf(condition, inner, frame, next) ?? null)) pass(next, nextPlace);
          });
        },
      };
      if (isTruthy(firstOf(condition, context, env, input) ?? null)) unfold(step, context, env, input, path, emit);
    },
  }),
  'until/2': ([condition, f]) => ({
    run(context, env, input, path, emit) {
      const stack: { value: Json; path: Path }[] = [{ value: input, path }];
      for (let item = stack.pop(); item !== undefined; item = stack.pop()) {
        context.budget.tick();
        if (isTruthy(firstOf(condition, context, env, item.value) ?? null)) {
          emit(item.value, item.path);
          continue;
        }
        const children: { value: Json; path: Path }[] = [];
        f.run(context, env, item.value, item.path, (value, place) => children.push({ value, path: place }));
        stack.push(...children.reverse());
      }
    },
  }),
  'range/1': ([to]) =>
    generator((context, env, input, emit) =>
      valuesOf(to, context, env, input, (end) => range(context, 0, end, 1, emit)),
    ),
  'range/2': ([from, to]) => ranges(from, to, undefined),
  'range/3': ([from, to, by]) => ranges(from, to, by),
};

/** Depth first with a stack of our own, so that a long chain of single outputs needs no deep recursion. */
function unfold(next: Code, context: Context, env: Env, input: Json, path: Path, emit: Emit): void {
  const stack: { value: Json; path: Path }[] = [{ value: input, path }];
  for (let item = stack.pop(); item !== undefined; item = stack.pop()) {
    context.budget.tick();
    emit(item.value, item.path);
    const children: { value: Json; path: Path }[] = [];
    next.run(context, env, item.value, item.path, (value, place) => {
      context.budget.build(1);
      children.push({ value, path: place });
    });
    stack.push(...children.reverse());
  }
}

function range(context: Context, from: Json, to: Json, by: Json, emit: (value: Json) => void): void {
  if (typeof from !== 'number' || typeof to !== 'number' || typeof by !== 'number')
    throw fault('Range bounds must be numeric');
  if (by === 0) return;
  for (let value = from; by > 0 ? value < to : value > to; value += by) {
    context.budget.tick();
    emit(value);
  }
}

function ranges(from: Code, to: Code, by: Code | undefined): Code {
  return generator((context, env, input, emit) =>
    valuesOf(from, context, env, input, (start) =>
      valuesOf(to, context, env, input, (end) => {
        if (by) valuesOf(by, context, env, input, (step) => range(context, start, end, step, emit));
        else range(context, start, end, 1, emit);
      }),
    ),
  );
}
