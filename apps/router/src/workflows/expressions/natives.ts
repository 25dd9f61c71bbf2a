import type { Json, JsonObject } from '../definition/json';
import {
  type Code,
  type Context,
  type Emit,
  type Env,
  firstOf,
  iterate,
  leavable,
  type Path,
  pathsOf,
  recurse,
} from './evaluator';
import { MATH, MATH_2 } from './math';
import { deletePaths, getPath, indicesOf, setPath } from './paths';
import { matchRegex, testRegex } from './regex';
import { ExpressionFault } from './syntax';
import { formatTime, fromBroken, parseTime, toBroken } from './time';
import {
  add,
  compare,
  contains,
  fault,
  getProperty,
  isTruthy,
  lengthOf,
  setProperty,
  shown,
  sortedKeys,
  splitText,
  toJson,
  toText,
  typeOf,
} from './values';

const NOT_HERE = 'a workflow has no input stream, no terminal and no environment';

/** Functions of jq that are refused, and why. */
export const FORBIDDEN: Readonly<Record<string, string>> = {
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
};

type Value = (context: Context, input: Json, a: Json, b: Json, c: Json) => Json;

function textInput(input: Json, name: string): string {
  if (typeof input === 'string') return input;
  throw fault(`${name} input must be a string`);
}

function arrayInput(input: Json, what: string): Json[] {
  if (Array.isArray(input)) return input;
  throw fault(`${shown(input)} cannot be ${what}, as it is not an array`);
}

function sorted(context: Context, items: Json[], keys: Json[]): number[] {
  const order = items.map((_, index) => index);
  return order.sort((a, b) => {
    context.budget.tick();
    return compare(keys[a] ?? null, keys[b] ?? null, context.budget) || a - b;
  });
}

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

const VALUES: Readonly<Record<string, Value>> = {
  'not/0': (_context, input) => !isTruthy(input),
  'length/0': (_context, input) => lengthOf(input),
  'utf8bytelength/0'(_context, input) {
    if (typeof input !== 'string') throw fault(`${shown(input)} only strings have UTF-8 byte length`);
    return Buffer.byteLength(input);
  },
  'type/0': (_context, input) => typeOf(input),
  'keys/0': (_context, input) => keysOf(input, sortedKeys),
  'keys_unsorted/0': (_context, input) => keysOf(input, Object.keys),
  'has/1'(_context, input, key) {
    if (typeof key === 'string' && typeOf(input) === 'object') return Object.hasOwn(input as JsonObject, key);
    if (typeof key === 'number' && Array.isArray(input)) return key >= 0 && key < input.length;
    throw fault(`Cannot check whether ${typeOf(input)} has a ${typeOf(key)} key`);
  },
  'contains/1': ({ budget }, input, part) => contains(input, part, budget),
  'add/0'({ budget }, input) {
    if (typeof input !== 'object' || input === null) throw fault(`Cannot iterate over ${shown(input)}`);
    const items = Object.values(input);
    // Texts and lists one by one would be copied each time.
    if (items.length > 0 && items.every((item) => typeof item === 'string')) {
      budget.build(items.reduce((size, item) => size + item.length, 0));
      return items.join('');
    }
    if (items.length > 0 && items.every((item) => Array.isArray(item))) {
      budget.build(items.reduce((size, item) => size + item.length, 0));
      return items.flat(1);
    }
    return items.reduce<Json>((sum, item) => add(sum, item, budget), null);
  },
  'any/0': (_context, input) => Object.values(container(input)).some(isTruthy),
  'all/0': (_context, input) => Object.values(container(input)).every(isTruthy),
  'flatten/0': (context, input) => flatten(context, input, Number.POSITIVE_INFINITY),
  'flatten/1'(context, input, depth) {
    if (typeof depth !== 'number') throw fault('flatten depth must not be negative');
    if (depth < 0) throw fault('flatten depth must not be negative');
    return flatten(context, input, depth);
  },
  'tostring/0': ({ budget }, input) => toText(input, budget),
  'tojson/0': ({ budget }, input) => toJson(input, budget),
  'fromjson/0': ({ budget }, input) => fromJson(textInput(input, 'fromjson'), (size) => budget.build(size)),
  'tonumber/0'(_context, input) {
    if (typeof input === 'number') return input;
    if (typeof input === 'string' && /^-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(input)) return Number(input);
    throw fault(`${shown(input)} cannot be parsed as a number`);
  },
  'toboolean/0'(_context, input) {
    if (typeof input === 'boolean') return input;
    if (input === 'true' || input === 'false') return input === 'true';
    throw fault(`${shown(input)} cannot be parsed as a boolean`);
  },
  'toarray/0': (_context, input) => (Array.isArray(input) ? input : [input]),
  'abs/0'(_context, input) {
    if (typeof input !== 'number') throw fault(`${shown(input)} has no absolute value`);
    return Math.abs(input);
  },
  'infinite/0': () => Number.POSITIVE_INFINITY,
  'nan/0': () => Number.NaN,
  'isinfinite/0': (_context, input) => Math.abs(numberInput(input)) === Number.POSITIVE_INFINITY,
  'isnan/0': (_context, input) => Number.isNaN(numberInput(input)),
  'isnormal/0': (_context, input) => Number.isFinite(numberInput(input)) && Math.abs(input as number) >= 2 ** -1022,
  'have_literal_numbers/0': () => true,
  'have_decnum/0': () => false,
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
  'reverse/0'(_context, input) {
    if (typeof input === 'string') return Array.from(input).reverse().join('');
    return input === null ? [] : [...arrayInput(input, 'reversed')].reverse();
  },
  'transpose/0'({ budget }, input) {
    const rows = arrayInput(input, 'transposed').map((row) => arrayInput(row, 'transposed'));
    const width = rows.reduce((most, row) => Math.max(most, row.length), 0);
    budget.build(width * rows.length);
    return Array.from({ length: width }, (_, column) => rows.map((row) => row[column] ?? null));
  },
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
  'indices/1': (context, input, part) => indices(context, input, part),
  'index/1': (context, input, part) => (indices(context, input, part) ?? []).at(0) ?? null,
  'rindex/1': (context, input, part) => (indices(context, input, part) ?? []).at(-1) ?? null,
  'to_entries/0': ({ budget }, input) => {
    const names = keysOf(input, Object.keys);
    budget.build(names.length * 2);
    return names.map((key) => ({ key, value: (input as Record<string, Json>)[key as string] ?? null }));
  },
  'from_entries/0': ({ budget }, input) => fromEntries(input, (size) => budget.build(size)),
  'explode/0'({ budget }, input) {
    const text = textInput(input, 'explode');
    budget.build(text.length);
    return Array.from(text).map((character) => character.codePointAt(0) ?? 0);
  },
  'implode/0'({ budget }, input) {
    const points = arrayInput(input, 'imploded');
    budget.build(points.length);
    return points.map(character).join('');
  },
  'startswith/1'(_context, input, part) {
    if (typeof input !== 'string' || typeof part !== 'string') throw fault('startswith() requires string inputs');
    return input.startsWith(part);
  },
  'endswith/1'(_context, input, part) {
    if (typeof input !== 'string' || typeof part !== 'string') throw fault('endswith() requires string inputs');
    return input.endsWith(part);
  },
  'ltrimstr/1': (_context, input, part) => trimStart(input, part),
  'rtrimstr/1': (_context, input, part) => trimEnd(input, part),
  'trimstr/1': (_context, input, part) => trimEnd(trimStart(input, part), part),
  'trim/0': (_context, input) => trimInput(input).trim(),
  'ltrim/0': (_context, input) => trimInput(input).trimStart(),
  'rtrim/0': (_context, input) => trimInput(input).trimEnd(),
  'split/1'({ budget }, input, separator) {
    if (typeof input !== 'string' || typeof separator !== 'string')
      throw fault('split input and separator must be strings');
    return splitText(input, separator, budget);
  },
  'join/1'({ budget }, input, separator) {
    const items = Object.values(container(input));
    if (items.length === 0) return '';
    if (typeof separator !== 'string') {
      if (items.length > 1) throw fault(`${shown(items[0] ?? null)} and ${shown(separator)} cannot be added`);
    }
    const texts = items.map((item) => {
      if (item === null) return '';
      if (typeof item === 'object') throw fault(`${shown(separator)} and ${shown(item)} cannot be added`);
      return toText(item, budget);
    });
    budget.build(texts.reduce((size, text) => size + text.length + lengthOf(separator), 0));
    return texts.join(separator as string);
  },
  'ascii_downcase/0': (_context, input) =>
    textInput(input, 'ascii_downcase').replace(/[A-Z]+/g, (letters) => letters.toLowerCase()),
  'ascii_upcase/0': (_context, input) =>
    textInput(input, 'ascii_upcase').replace(/[a-z]+/g, (letters) => letters.toUpperCase()),
  '_match/2': ({ budget }, input, pattern, flags) => matchRegex(input, pattern, flags, budget),
  '_match/3': (_context, input, pattern, flags) => testRegex(input, pattern, flags),
  'setpath/2': ({ budget }, input, path, value) => setPath(input, pathInput(path), value, budget),
  'delpaths/1': ({ budget }, input, paths) => {
    if (!Array.isArray(paths)) throw fault('Paths must be specified as an array');
    return deletePaths(input, paths.map(pathInput), budget);
  },
  'now/0'(context) {
    if (context.now === undefined) throw new ExpressionFault('unknown', '`now` is not known here');
    return context.now / 1_000;
  },
  'gmtime/0': (_context, input) => toBroken(input),
  'mktime/0': (_context, input) => fromBroken(input),
  'strftime/1': (_context, input, format) => formatTime(input, format),
  'strptime/1': (_context, input, format) => parseTime(input, format),
};

function pathInput(path: Json): Json[] {
  if (Array.isArray(path)) return path;
  throw fault('Path must be specified as an array');
}

function numberInput(input: Json): number {
  if (typeof input === 'number') return input;
  throw fault(`${shown(input)} number required`);
}

function container(input: Json): Json[] | JsonObject {
  if (typeof input === 'object' && input !== null) return input;
  throw fault(`Cannot iterate over ${input === null ? 'null' : shown(input)}`);
}

function keysOf(input: Json, ofObject: (object: JsonObject) => string[]): Json[] {
  if (Array.isArray(input)) return input.map((_, index) => index);
  if (typeof input === 'object' && input !== null) return ofObject(input);
  throw fault(`${shown(input)} has no keys`);
}

function flatten(context: Context, input: Json, depth: number): Json[] {
  const flat: Json[] = [];
  const visit = (items: Json[], left: number): void => {
    for (const item of items) {
      context.budget.build(1);
      if (Array.isArray(item) && left > 0) visit(item, left - 1);
      else flat.push(item);
    }
  };
  visit(Object.values(container(input)), depth);
  return flat;
}

function fromJson(text: string, build: (size: number) => void): Json {
  build(text.length);
  if (/^\s*nan\s*$/i.test(text)) return Number.NaN;
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw fault(`${(error as Error).message} (while parsing '${text.length > 40 ? `${text.slice(0, 37)}...` : text}')`);
  }
}

function indices(context: Context, input: Json, part: Json): Json[] | null {
  if (input === null) return null;
  if (typeof input === 'string' && typeof part === 'string') {
    const found: Json[] = [];
    if (part === '') return found;
    let [unit, point] = [0, 0];
    for (let at = input.indexOf(part); at >= 0; at = input.indexOf(part, at + 1)) {
      context.budget.build(1);
      point += lengthOf(input.slice(unit, at));
      unit = at;
      found.push(point);
    }
    return found;
  }
  if (Array.isArray(input)) return indicesOf(input, Array.isArray(part) ? part : [part], context.budget);
  throw fault(`Cannot index ${typeOf(input)} with ${shown(part)}`);
}

function fromEntries(input: Json, build: (size: number) => void): JsonObject {
  const object: JsonObject = {};
  for (const entry of Object.values(container(input))) {
    build(2);
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry))
      throw fault(`Cannot index ${typeOf(entry)} with ${shown('key')}`);
    const given = ['key', 'k', 'name', 'Name', 'Key', 'K'].map((name) => getProperty(entry, name));
    const key = given.find((name) => name !== null && name !== false) ?? (given[0] === false ? false : null);
    const named = ['value', 'v', 'Value', 'V'].find((name) => Object.hasOwn(entry, name));
    const text = typeof key === 'string' ? key : JSON.stringify(key);
    setProperty(object, text, named === undefined ? null : getProperty(entry, named));
  }
  return object;
}

function character(point: Json): string {
  if (typeof point !== 'number') throw fault('Unicode codepoint must be numeric');
  const isValid = point >= 0 && point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff);
  return String.fromCodePoint(isValid ? Math.floor(point) : 0xfffd);
}

function trimInput(input: Json): string {
  if (typeof input === 'string') return input;
  throw fault('trim input must be a string');
}

function trimStart(input: Json, part: Json): Json {
  if (typeof input !== 'string' || typeof part !== 'string') return input;
  return input.startsWith(part) ? input.slice(part.length) : input;
}

function trimEnd(input: Json, part: Json): Json {
  if (typeof input !== 'string' || typeof part !== 'string') return input;
  return part !== '' && input.endsWith(part) ? input.slice(0, -part.length) : input;
}

type Control = (args: [Code, Code, Code]) => Code;

/** A generator of values that are no paths. */
function generator(produce: (context: Context, env: Env, input: Json, emit: (value: Json) => void) => void): Code {
  return {
    run(context, env, input, path, emit) {
      produce(context, env, input, (value) => {
        if (path !== null) throw fault(`Invalid path expression with result ${shown(value)}`);
        emit(value, null);
      });
    },
  };
}

function each(code: Code, context: Context, env: Env, input: Json, take: (value: Json) => void): void {
  code.run(context, env, input, null, (value) => take(value));
}

/** Sorts by what `f` yields, all its outputs as one list. */
function byKey(f: Code, use: (context: Context, items: Json[], keys: Json[]) => Json): Code {
  return generator((context, env, input, emit) => {
    const items = arrayInput(input, 'sorted');
    const keys = items.map((item): Json => {
      const key: Json[] = [];
      each(f, context, env, item, (value) => key.push(value));
      return key;
    });
    emit(use(context, items, keys));
  });
}

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

const zero: Code = generator((_context, _env, _input, emit) => emit(0));

/** Takes the first `count` outputs of `f` after leaving out `skipped`. */
function window(count: Code, f: Code, isSkip: boolean): Code {
  return {
    run(context, env, input, path, emit) {
      each(count, context, env, input, (limit) => {
        if (typeof limit !== 'number') throw fault('Invalid arguments to limit');
        if (limit < 0) throw fault(`${isSkip ? 'skip' : 'limit'} doesn't support negative count`);
        if (!isSkip && limit <= 0) return;
        let seen = 0;
        leavable((leave) =>
          f.run(context, env, input, path, (value, place) => {
            seen += 1;
            if (!isSkip || seen > limit) emit(value, place);
            if (!isSkip && seen >= limit) leave();
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
    leavable((leave) =>
      each(source, context, env, input, (value) =>
        each(condition, context, env, value, (holds) => {
          if (isTruthy(holds) !== wanted) return;
          isFound = true;
          leave();
        }),
      ),
    );
    emit(isFound === wanted);
  });
}

const CONTROLS: Readonly<Record<string, Control>> = {
  'empty/0': () => ({ run: () => undefined }),
  'error/0': () => generator((_context, _env, input) => raise(input)),
  'error/1': ([message]) => generator((context, env, input) => each(message, context, env, input, raise)),
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
      iterate(context, input, null, (item) => each(f, context, env, item, put));
      return items;
    };
    return { one, ...generator((context, env, input, emit) => emit(one(context, env, input))) };
  },
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
    generator((context, env, input, emit) => each(to, context, env, input, (end) => range(context, 0, end, 1, emit))),
  'range/2': ([from, to]) => ranges(from, to, undefined),
  'range/3': ([from, to, by]) => ranges(from, to, by),
  'limit/2': ([count, f]) => window(count, f, false),
  'skip/2': ([count, f]) => window(count, f, true),
  'first/1': ([f]) => ({
    run(context, env, input, path, emit) {
      let found: { value: Json; path: Path } | undefined;
      leavable((leave) =>
        f.run(context, env, input, path, (value, place) => {
          found = { value, path: place };
          leave();
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
  'path/1': ([f]) =>
    generator((context, env, input, emit) =>
      f.run(context, env, input, [], (_value, path) => {
        context.budget.build(path?.length ?? 0);
        emit(path ?? []);
      }),
    ),
  'getpath/1': ([where]) => ({
    run(context, env, input, path, emit) {
      each(where, context, env, input, (steps) => {
        const list = pathInput(steps);
        emit(getPath(input, list, context.budget), path && [...path, ...list]);
      });
    },
  }),
  'paths/0': () =>
    generator((context, _env, input, emit) =>
      recurse(context, input, [], (_value, path) => {
        if (path && path.length > 0) emit(path);
      }),
    ),
  'del/1': ([f]) =>
    generator((context, env, input, emit) => emit(deletePaths(input, pathsOf(f, context, env, input), context.budget))),
  'sort_by/1': ([f]) =>
    byKey(f, (context, items, keys) => sorted(context, items, keys).map((index) => items[index] ?? null)),
  'group_by/1': ([f]) => byKey(f, groups),
  'unique_by/1': ([f]) =>
    byKey(f, (context, items, keys) => groups(context, items, keys).map((group) => group[0] ?? null)),
  'min_by/1': ([f]) => byKey(f, (context, items, keys) => extreme(context, items, keys, -1)),
  'max_by/1': ([f]) => byKey(f, (context, items, keys) => extreme(context, items, keys, 1)),
  'sub/3': ([pattern, f, flags]) =>
    generator((context, env, input, emit) =>
      each(flags, context, env, input, (flag) =>
        each(pattern, context, env, input, (regex) => substitute(context, env, input, regex, f, flag, emit)),
      ),
    ),
};

function ranges(from: Code, to: Code, by: Code | undefined): Code {
  return generator((context, env, input, emit) =>
    each(from, context, env, input, (start) =>
      each(to, context, env, input, (end) => {
        if (by) each(by, context, env, input, (step) => range(context, start, end, step, emit));
        else range(context, start, end, 1, emit);
      }),
    ),
  );
}

function raise(value: Json): never {
  if (typeof value === 'string') throw fault(value);
  throw fault(`${toShort(value)} (not a string)`, value);
}

function toShort(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > 200 ? `${text.slice(0, 197)}...` : text;
}

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
    each(f, context, env, named, (inserted) => {
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

export function isNative(key: string): boolean {
  return (
    Object.hasOwn(VALUES, key) || Object.hasOwn(CONTROLS, key) || Object.hasOwn(MATH, key) || Object.hasOwn(MATH_2, key)
  );
}

/** Calls a native function; an error without a place gets the place of the call. */
export function callNative(key: string, args: Code[], locate: (error: unknown) => Error): Code {
  const control = CONTROLS[key];
  if (control) return located(control([args[0] ?? zero, args[1] ?? zero, args[2] ?? zero]), locate);
  const value = VALUES[key] ?? mathOf(key);
  const apply = (context: Context, input: Json, values: Json[]): Json => {
    context.budget.tick();
    try {
      return value(context, input, values[0] ?? null, values[1] ?? null, values[2] ?? null);
    } catch (error) {
      throw locate(error);
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
      if (argument) each(argument, context, env, input, (found) => collect(index - 1, [found, ...values]));
      else emit(apply(context, input, values));
    };
    collect(args.length - 1, []);
  });
}

function mathOf(key: string): Value {
  const unary = MATH[key];
  if (unary) return (_context, input) => unary(numberInput(input));
  const binary = MATH_2[key];
  return (_context, _input, a, b, c) =>
    binary?.(numberInput(a), numberInput(b), c === null ? 0 : numberInput(c)) ?? null;
}

function located(code: Code, locate: (error: unknown) => Error): Code {
  const { one } = code;
  return {
    ...(one
      ? {
          one(context: Context, env: Env, input: Json): Json {
            try {
              return one(context, env, input);
            } catch (error) {
              throw locate(error);
            }
          },
        }
      : {}),
    run(context, env, input, path, emit) {
      try {
        code.run(context, env, input, path, emit);
      } catch (error) {
        throw locate(error);
      }
    },
  };
}
