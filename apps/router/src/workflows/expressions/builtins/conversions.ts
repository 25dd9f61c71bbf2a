import type { Json } from '../../definition/json';
import { fault, isTruthy, shown, toJson, toText, typeOf } from '../values';
import { textInput, type ValueFunction } from './builtin';

/** From one type to another. */
export const CONVERSIONS: Readonly<Record<string, ValueFunction>> = {
  'not/0': (_context, input) => !isTruthy(input),
  'type/0': (_context, input) => typeOf(input),
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
};

function fromJson(text: string, build: (size: number) => void): Json {
  build(text.length);
  if (/^\s*nan\s*$/i.test(text)) return Number.NaN;
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw fault(`${(error as Error).message} (while parsing '${text.length > 40 ? `${text.slice(0, 37)}...` : text}')`);
  }
}
