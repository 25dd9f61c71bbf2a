import type { Json, JsonObject } from '../../definition/json';
import type { Code, Context } from '../compiler/code';
import { fault, shown } from '../values';

/** A function of jq from values to one value; arguments that were not given are null. */
export type ValueFunction = (context: Context, input: Json, a: Json, b: Json, c: Json) => Json;

/** A function of jq that runs its arguments itself, or has any number of outputs. */
export type GeneratorFunction = (args: [Code, Code, Code]) => Code;

export function textInput(input: Json, name: string): string {
  if (typeof input === 'string') return input;
  throw fault(`${name} input must be a string`);
}

export function arrayInput(input: Json, what: string): Json[] {
  if (Array.isArray(input)) return input;
  throw fault(`${shown(input)} cannot be ${what}, as it is not an array`);
}

export function numberInput(input: Json): number {
  if (typeof input === 'number') return input;
  throw fault(`${shown(input)} number required`);
}

export function pathInput(path: Json): Json[] {
  if (Array.isArray(path)) return path;
  throw fault('Path must be specified as an array');
}

/** What is iterated over. */
export function container(input: Json): Json[] | JsonObject {
  if (typeof input === 'object' && input !== null) return input;
  throw fault(`Cannot iterate over ${input === null ? 'null' : shown(input)}`);
}
