import type { Json, JsonObject } from '../definition/json';
import { type Budget, codePoints, compare, copyObject, fault, getProperty, setProperty, shown, typeOf } from './values';

/** Longest array that a path may stretch to, in elements. */
const MAX_INDEX = 536_870_911;

/** One step into a value: a name, an index, or `{start, end}`. */
export function getStep(value: Json, step: Json, budget: Budget): Json {
  if (typeof step === 'string') {
    if (value === null) return null;
    if (typeof value === 'object' && !Array.isArray(value)) return getProperty(value, step);
  } else if (typeof step === 'number') {
    if (value === null) return null;
    if (Array.isArray(value)) {
      const index = Math.floor(step);
      return (index < 0 ? value[value.length + index] : value[index]) ?? null;
    }
  } else if (isRange(step)) {
    if (value === null) return null;
    if (Array.isArray(value) || typeof value === 'string')
      return slice(value, step['start'] ?? null, step['end'] ?? null);
  } else if (Array.isArray(step) && Array.isArray(value)) return indicesOf(value, step, budget);
  throw cannotIndex(value, step);
}

function isRange(step: Json): step is JsonObject {
  return typeof step === 'object' && step !== null && !Array.isArray(step);
}

function cannotIndex(value: Json, step: Json): Error {
  return fault(`Cannot index ${typeOf(value)} with ${shown(step)}`);
}

/** Start and end of a slice as whole numbers inside the length: the start rounds down, the end up. */
function bounds(length: number, from: Json, to: Json): [number, number] {
  if ((from !== null && typeof from !== 'number') || (to !== null && typeof to !== 'number'))
    throw fault('Start and end indices of an array slice must be numbers');
  const place = (value: number): number => (value < 0 ? Math.max(0, value + length) : Math.min(value, length));
  const start = Math.floor(place(Number.isNaN(from) ? 0 : (from ?? 0)));
  const end = Math.ceil(place(Number.isNaN(to) ? length : (to ?? length)));
  return [start, Math.max(start, end)];
}

export function slice(value: Json[] | string, from: Json, to: Json): Json {
  if (Array.isArray(value)) return value.slice(...bounds(value.length, from, to));
  const length = codePoints(value);
  const [start, end] = bounds(length, from, to);
  return length === value.length ? value.slice(start, end) : Array.from(value).slice(start, end).join('');
}

/** Where `part` begins inside `whole`. */
export function indicesOf(whole: Json[], part: Json[], budget: Budget): Json[] {
  if (part.length === 0) return [];
  const found: Json[] = [];
  for (let start = 0; start + part.length <= whole.length; start++) {
    budget.tick();
    if (part.every((item, offset) => compare(item, whole[start + offset] ?? null, budget) === 0)) found.push(start);
  }
  return found;
}

export function getPath(value: Json, path: Json[], budget: Budget): Json {
  let current = value;
  for (const step of path) {
    if (current === null) return null;
    current = getStep(current, step, budget);
  }
  return current;
}

/** A copy of `value` with what stands at `path` replaced by what `change` makes of it. */
export function changePath(value: Json, path: Json[], change: (old: Json) => Json, budget: Budget, depth = 0): Json {
  if (depth === path.length) return change(value);
  budget.tick();
  const step = path[depth] ?? null;
  const deeper = (old: Json): Json => changePath(old, path, change, budget, depth + 1);
  if (typeof step === 'string' && (value === null || isRange(value))) {
    const copy = value === null ? {} : copyObject(value);
    budget.build(1);
    setProperty(copy, step, deeper(getProperty(copy, step)));
    return copy;
  }
  if (typeof step === 'number' && (value === null || Array.isArray(value)))
    return changeIndex(value ?? [], step, deeper, budget);
  if (isRange(step) && (value === null || Array.isArray(value))) {
    const whole = value ?? [];
    const [start, end] = bounds(whole.length, step['start'] ?? null, step['end'] ?? null);
    const part = deeper(value === null ? null : whole.slice(start, end));
    if (!Array.isArray(part)) throw fault('A slice of an array can only be assigned another array');
    budget.build(whole.length + part.length);
    return [...whole.slice(0, start), ...part, ...whole.slice(end)];
  }
  if (isRange(step) && typeof value === 'string') throw fault('Cannot update string slices');
  throw cannotIndex(value, step);
}

function changeIndex(whole: Json[], step: number, deeper: (old: Json) => Json, budget: Budget): Json {
  let index = Math.floor(step);
  if (Number.isNaN(index)) throw fault('Cannot set array element at NaN index');
  if (index < 0) index += whole.length;
  if (index < 0) throw fault('Out of bounds negative array index');
  if (index > MAX_INDEX) throw fault('Array index too large');
  budget.build(Math.max(whole.length, index + 1));
  const copy = [...whole];
  while (copy.length < index) copy.push(null);
  copy[index] = deeper(copy[index] ?? null);
  return copy;
}

export function setPath(value: Json, path: Json[], replacement: Json, budget: Budget): Json {
  return changePath(value, path, () => replacement, budget);
}

/** A copy without what stands at the paths; all of them mean places in the value as it was. */
export function deletePaths(value: Json, paths: Json[][], budget: Budget): Json {
  if (paths.length === 0 || value === null) return value;
  if (paths.some((path) => path.length === 0)) return null;
  const whole = paths.filter((path) => path.length === 1).map(([step]) => step ?? null);
  const parts = new Map<string, { step: Json; paths: Json[][] }>();
  for (const [step = null, ...rest] of paths) {
    budget.tick();
    if (rest.length === 0) continue;
    const key = JSON.stringify(step);
    const part = parts.get(key) ?? { step, paths: [] };
    part.paths.push(rest);
    parts.set(key, part);
  }
  let result: Json = value;
  for (const { step, paths: rest } of parts.values())
    if (getStep(value, step, budget) !== null)
      result = changePath(result, [step], (old) => deletePaths(old, rest, budget), budget);
  return whole.length === 0 ? result : deleteSteps(result, whole, budget);
}

function deleteSteps(value: Json, steps: Json[], budget: Budget): Json {
  if (Array.isArray(value)) {
    const gone = new Set<number>();
    for (const step of steps) {
      if (typeof step === 'number') gone.add(Math.floor(step < 0 ? step + value.length : step));
      else if (isRange(step)) {
        const [start, end] = bounds(value.length, step['start'] ?? null, step['end'] ?? null);
        budget.build(end - start);
        for (let index = start; index < end; index++) gone.add(index);
      } else throw cannotDelete(value, step);
    }
    return value.filter((_, index) => !gone.has(index));
  }
  if (!isRange(value)) throw cannotDelete(value, steps[0] ?? null);
  const wrong = steps.find((step) => typeof step !== 'string');
  if (wrong !== undefined) throw cannotDelete(value, wrong);
  const gone = new Set(steps);
  return Object.fromEntries(Object.entries(value).filter(([name]) => !gone.has(name)));
}

function cannotDelete(value: Json, step: Json): Error {
  const what = typeof step === 'string' ? 'field at object index' : 'field at array index';
  return fault(`Cannot delete ${what} of ${typeOf(value)}`);
}
