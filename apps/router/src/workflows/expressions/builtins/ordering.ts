import type { Json } from '../../definition/json';
import { type Code, type Context, generator, valuesOf } from '../compiler/code';
import { compare } from '../values';
import { arrayInput, type GeneratorFunction, type ValueFunction } from './builtin';

/** Lists in the order of their items. */
export const ORDERING: Readonly<Record<string, ValueFunction>> = {
  'sort/0'(context, input) {
    const items = arrayInput(input, 'sorted');
    return sorted(context, items, items).map((index) => items[index] ?? null);
  },
  'unique/0'(context, input) {
    const items = arrayInput(input, 'sorted');
    return groups(context, items, items).map((group) => group[0] ?? null);
  },
  'min/0': (context, input) => extreme(context, arrayInput(input, 'searched'), arrayInput(input, 'searched'), -1),
  'max/0': (context, input) => extreme(context, arrayInput(input, 'searched'), arrayInput(input, 'searched'), 1),
  'bsearch/1'(context, input, wanted) {
    const items = arrayInput(input, 'searched from');
    let [low, high] = [0, items.length - 1];
    while (low <= high) {
      const middle = (low + high) >> 1;
      const order = compare(items[middle] ?? null, wanted, context.budget);
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle - 1;
    }
    return -1 - low;
  },
};

/** Lists in the order of a key of their items. */
export const ORDERING_BY: Readonly<Record<string, GeneratorFunction>> = {
  'sort_by/1': ([f]) =>
    byKey(f, (context, items, keys) => sorted(context, items, keys).map((index) => items[index] ?? null)),
  'group_by/1': ([f]) => byKey(f, groups),
  'unique_by/1': ([f]) =>
    byKey(f, (context, items, keys) => groups(context, items, keys).map((group) => group[0] ?? null)),
  'min_by/1': ([f]) => byKey(f, (context, items, keys) => extreme(context, items, keys, -1)),
  'max_by/1': ([f]) => byKey(f, (context, items, keys) => extreme(context, items, keys, 1)),
};

/** Sorts by what `f` yields, all its outputs as one list. */
function byKey(f: Code, use: (context: Context, items: Json[], keys: Json[]) => Json): Code {
  return generator((context, env, input, emit) => {
    const items = arrayInput(input, 'sorted');
    const keys = items.map((item): Json => {
      const key: Json[] = [];
      valuesOf(f, context, env, item, (value) => key.push(value));
      return key;
    });
    emit(use(context, items, keys));
  });
}

/** The places of the items in the order of their keys; equals stay as they were. */
function sorted(context: Context, items: Json[], keys: Json[]): number[] {
  const order = items.map((_, index) => index);
  return order.sort((a, b) => {
    context.budget.tick();
    return compare(keys[a] ?? null, keys[b] ?? null, context.budget) || a - b;
  });
}

/** Items with equal keys together, in the order of the keys. */
function groups(context: Context, items: Json[], keys: Json[]): Json[][] {
  const found: Json[][] = [];
  let last: Json | undefined;
  for (const index of sorted(context, items, keys)) {
    const key = keys[index] ?? null;
    if (last === undefined || compare(last, key, context.budget) !== 0) found.push([]);
    found.at(-1)?.push(items[index] ?? null);
    last = key;
  }
  return found;
}

/** The item with the least (`sign` -1) or greatest key. */
function extreme(context: Context, items: Json[], keys: Json[], sign: 1 | -1): Json {
  let best = -1;
  keys.forEach((key, index) => {
    context.budget.tick();
    const order = best < 0 ? 1 : compare(key, keys[best] ?? null, context.budget) * sign;
    // Of equals the first is the least, the last the greatest.
    if (best < 0 || order > 0 || (order === 0 && sign === 1)) best = index;
  });
  return items[best] ?? null;
}
