import type { Json } from '../definition/json';
import { ExpressionFault } from './syntax';

/**
 * The value as JSON has it: numbers that are none become null, infinities the largest numbers.
 * Throws when it would be longer than `maxBytes` as JSON (counted in characters, a little more than exact).
 */
export function checkOutput(value: Json, maxBytes: number): Json {
  let left = maxBytes;
  let isJson = true as boolean;
  const measure = (part: Json): void => {
    left -= typeof part === 'string' ? part.length + 2 : 5;
    if (left < 0) throw new ExpressionFault('limit', `The result is larger than ${maxBytes} bytes`);
    if (typeof part === 'number') isJson &&= Number.isFinite(part);
    else if (Array.isArray(part)) for (const item of part) measure(item);
    else if (typeof part === 'object' && part !== null) {
      for (const name of Object.keys(part)) {
        left -= name.length + 3;
        measure(part[name] ?? null);
      }
    }
  };
  try {
    measure(value);
  } catch (error) {
    if (error instanceof RangeError) throw new ExpressionFault('limit', 'The result nests too deeply');
    throw error;
  }
  return isJson ? value : (JSON.parse(JSON.stringify(value, finite)) as Json);
}

function finite(_name: string, value: unknown): unknown {
  if (value === Number.POSITIVE_INFINITY) return Number.MAX_VALUE;
  return value === Number.NEGATIVE_INFINITY ? -Number.MAX_VALUE : value;
}
