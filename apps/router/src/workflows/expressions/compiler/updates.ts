import type { Json } from '../../definition/json';
import { pathsOf } from './access';
import { type Code, type Context, type Emit, type Env, located, notAPath, valuesOf } from './code';
import { firstOf } from './early-exit';
import { changePath, deletePaths, setPath } from '../paths';
import type { BinaryOperator, UpdateOperator } from '../syntax';
import { isTruthy, operate } from '../values';

/** `left = right`, `left |= right`, `left += right` and the other updates. */
export function updateCode(operator: UpdateOperator, left: Code, right: Code, at: number): Code {
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
      if (path !== null) throw notAPath(input);
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
