import type { Json } from '../../definition/json';
import { type Code, type Context, generator, located, notAPath, single, valuesOf } from './code';
import { attempt } from './early-exit';
import type { BinaryOperator, ExpressionFault } from '../syntax';
import { fault, isTruthy, operate, shown } from '../values';

/** `-body`. */
export function negateCode(body: Code, at: number): Code {
  const negated = (value: Json): Json => {
    if (typeof value !== 'number') throw located(fault(`${shown(value)} cannot be negated`), at);
    return -value;
  };
  const { one } = body;
  if (one) return single((context, env, input) => negated(one(context, env, input)));
  return generator((context, env, input, emit) => valuesOf(body, context, env, input, (value) => emit(negated(value))));
}

/** `left | right`. */
export function pipeCode(left: Code, right: Code): Code {
  const [first, second] = [left.one, right.one];
  return {
    ...(first && second ? { one: (context, env, input) => second(context, env, first(context, env, input)) } : {}),
    run: (context, env, input, path, emit) =>
      left.run(context, env, input, path, (value, place) => right.run(context, env, value, place, emit)),
  };
}

/** `left, right`. */
export function commaCode(left: Code, right: Code): Code {
  return {
    run(context, env, input, path, emit) {
      left.run(context, env, input, path, emit);
      right.run(context, env, input, path, emit);
    },
  };
}

/** `left and right`, `left or right`. */
export function logicCode(isOr: boolean, left: Code, right: Code): Code {
  const [first, second] = [left.one, right.one];
  if (first && second)
    return single((context, env, input) => {
      const value = isTruthy(first(context, env, input));
      return value === isOr ? value : isTruthy(second(context, env, input));
    });
  return {
    run(context, env, input, path, emit) {
      if (path !== null) throw notAPath(true);
      valuesOf(left, context, env, input, (value) => {
        if (isTruthy(value) === isOr) emit(isOr, null);
        else valuesOf(right, context, env, input, (other) => emit(isTruthy(other), null));
      });
    },
  };
}

/** `left // right`: the outputs of `left` that are neither null nor false, or else those of `right`. */
export function alternativeCode(left: Code, right: Code): Code {
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

/** `left + right` and the other operators on two values. */
export function binaryCode(operator: BinaryOperator, left: Code, right: Code, at: number): Code {
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
  return generator((context, env, input, emit) =>
    valuesOf(right, context, env, input, (b) => valuesOf(left, context, env, input, (a) => emit(apply(context, a, b)))),
  );
}

/** `if condition then … else … end`. */
export function ifCode(condition: Code, then: Code, otherwise: Code): Code {
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

/** `try body catch handler`. */
export function tryCode(body: Code, handler: Code | undefined): Code {
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
