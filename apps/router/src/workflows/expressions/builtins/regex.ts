import type { Json, JsonObject } from '../../definition/json';
import { type Code, type Context, type Env, generator, valuesOf } from '../compiler/code';
import { matchRegex, testRegex } from '../regex';
import { fault, setProperty, shown } from '../values';
import type { GeneratorFunction, ValueFunction } from './builtin';

/** What `match`, `test` and their kin are made of in the prelude. */
export const MATCHES: Readonly<Record<string, ValueFunction>> = {
  '_match/2': ({ budget }, input, pattern, flags) => matchRegex(input, pattern, flags, budget),
  '_match/3': (_context, input, pattern, flags) => testRegex(input, pattern, flags),
};

/** What `sub` and `gsub` are made of in the prelude. */
export const SUBSTITUTION: Readonly<Record<string, GeneratorFunction>> = {
  'sub/3': ([pattern, f, flags]) =>
    generator((context, env, input, emit) =>
      valuesOf(flags, context, env, input, (flag) =>
        valuesOf(pattern, context, env, input, (regex) => substitute(context, env, input, regex, f, flag, emit)),
      ),
    ),
};

/** Every output of `f` makes a text of its own: the first outputs together, the second together, and so on. */
function substitute(
  context: Context,
  env: Env,
  input: Json,
  pattern: Json,
  f: Code,
  flags: Json,
  emit: (value: Json) => void,
): void {
  const matches = matchRegex(input, pattern, flags, context.budget) as {
    offset: number;
    length: number;
    captures: { name: string | null; string: string | null }[];
  }[] &
    Json[];
  const characters = Array.from(input as string);
  const results: string[] = [];
  let from = 0;
  for (const { offset, length, captures } of matches) {
    const gap = characters.slice(from, offset).join('');
    const named: JsonObject = {};
    for (const { name, string } of captures) if (name !== null) setProperty(named, name, string);
    let place = 0;
    valuesOf(f, context, env, named, (inserted) => {
      if (typeof inserted !== 'string') throw fault(`${shown(gap)} and ${shown(inserted)} cannot be added`);
      const text = (results[place] ?? '') + gap + inserted;
      context.budget.build(gap.length + inserted.length);
      results[place] = text;
      place += 1;
    });
    from = offset + length;
  }
  if (results.length === 0) emit(input);
  const rest = characters.slice(from).join('');
  for (const result of results) emit(result + rest);
}
