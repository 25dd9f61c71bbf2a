import type { Json } from '../../definition/json';
import type { Code, Context, Emit, Env } from './code';
import { ExpressionFault } from '../syntax';

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

/** Runs `produce`, which ends where somebody leaves `owner`. */
export function untilLeft(owner: object, produce: () => void): void {
  try {
    produce();
  } catch (error) {
    if (!(error instanceof Leave) || error.owner !== owner) throw error;
  }
}

/** Ends what `untilLeft` runs for `owner`. */
export function leave(owner: object): never {
  throw new Leave(owner);
}

/** Runs `produce` until it calls what it is given. */
export function leavable(produce: (leaveNow: () => never) => void): void {
  const owner = {};
  untilLeft(owner, () => produce(() => leave(owner)));
}

/** The first output of `code`, or undefined when there is none. */
export function firstOf(code: Code, context: Context, env: Env, input: Json): Json | undefined {
  if (code.one) return code.one(context, env, input);
  let found: Json | undefined;
  leavable((leaveNow) =>
    code.run(context, env, input, null, (value) => {
      found = value;
      leaveNow();
    }),
  );
  return found;
}

/** Runs `produce`; what it throws itself goes to `caught`, what its consumer throws passes through. */
export function attempt(
  produce: (guard: (emit: Emit) => Emit) => void,
  caught: (error: ExpressionFault) => void,
): void {
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
