import type { Json } from '../../definition/json';
import { type Code, type Context, type Env, generator, located, valuesOf } from '../compiler/code';
import type { GeneratorFunction, ValueFunction } from './builtin';
import { COLLECTIONS } from './collections';
import { CONVERSIONS } from './conversions';
import { LOOPS } from './loops';
import { NUMBERS } from './numbers';
import { ORDERING, ORDERING_BY } from './ordering';
import { OUTPUTS } from './outputs';
import { PATH_CHANGES, PATHS } from './paths';
import { MATCHES, SUBSTITUTION } from './regex';
import { TEXTS } from './texts';
import { TIMES } from './time';

const NOT_HERE = 'a workflow has no input stream, no terminal and no environment';

/** Functions of jq that are refused, and why. */
export const FORBIDDEN: ReadonlyMap<string, string> = new Map(
  Object.entries({
    input: NOT_HERE,
    inputs: NOT_HERE,
    debug: NOT_HERE,
    stderr: NOT_HERE,
    env: NOT_HERE,
    halt: NOT_HERE,
    halt_error: NOT_HERE,
    input_filename: NOT_HERE,
    input_line_number: NOT_HERE,
    get_search_list: NOT_HERE,
    modulemeta: NOT_HERE,
    localtime: 'the time zone of the machine is not visible; use gmtime',
    strflocaltime: 'the time zone of the machine is not visible; use strftime',
  }),
);

/** By `name/arity`. */
const VALUE_FUNCTIONS = new Map<string, ValueFunction>(
  [CONVERSIONS, NUMBERS, TEXTS, COLLECTIONS, ORDERING, PATH_CHANGES, MATCHES, TIMES].flatMap((functions) =>
    Object.entries(functions),
  ),
);
const GENERATOR_FUNCTIONS = new Map<string, GeneratorFunction>(
  [OUTPUTS, LOOPS, ORDERING_BY, PATHS, SUBSTITUTION].flatMap((functions) => Object.entries(functions)),
);

/** Stands for arguments that a function does not take. */
const NO_ARGUMENT: Code = generator((_context, _env, _input, emit) => emit(0));

/**
 * The call of a builtin function, undefined when there is none of that name and number of arguments (`name/arity`).
 * `at` is where the call stands in the expression: an error without a place gets that one.
 */
export function builtinCode(key: string, args: Code[], at: number): Code | undefined {
  const [a = NO_ARGUMENT, b = NO_ARGUMENT, c = NO_ARGUMENT] = args;
  const generate = GENERATOR_FUNCTIONS.get(key);
  if (generate) return locatedCode(generate([a, b, c]), at);
  const call = VALUE_FUNCTIONS.get(key);
  if (!call) return undefined;
  const apply = (context: Context, input: Json, values: Json[]): Json => {
    context.budget.tick();
    try {
      return call(context, input, values[0] ?? null, values[1] ?? null, values[2] ?? null);
    } catch (error) {
      throw located(error, at);
    }
  };
  const ones = args.map(({ one }) => one);
  if (ones.every((one) => one !== undefined)) {
    const one = (context: Context, env: Env, input: Json): Json =>
      apply(
        context,
        input,
        ones.map((argument) => argument(context, env, input)),
      );
    return { one, ...generator((context, env, input, emit) => emit(one(context, env, input))) };
  }
  return generator((context, env, input, emit) => {
    // The last argument varies slowest, as in jq.
    const collect = (index: number, values: Json[]): void => {
      const argument = args[index];
      if (argument) valuesOf(argument, context, env, input, (found) => collect(index - 1, [found, ...values]));
      else emit(apply(context, input, values));
    };
    collect(args.length - 1, []);
  });
}

function locatedCode(code: Code, at: number): Code {
  const { one } = code;
  return {
    ...(one
      ? {
          one(context: Context, env: Env, input: Json): Json {
            try {
              return one(context, env, input);
            } catch (error) {
              throw located(error, at);
            }
          },
        }
      : {}),
    run(context, env, input, path, emit) {
      try {
        code.run(context, env, input, path, emit);
      } catch (error) {
        throw located(error, at);
      }
    },
  };
}
