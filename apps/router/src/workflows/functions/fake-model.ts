import { createHash } from 'node:crypto';
import { isObject, textOf, type Json, type JsonObject } from '../definition/json';
import type { Turn } from '../engine/agent';
import type { Question } from './model';

/** The name of the model that is none. */
export const FAKE_MODEL = 'fake';

/** A line of a prompt that tells the fake which tool to call in its next turn: `call server__tool {"a": 1}`. */
const INSTRUCTION = /^\s*call (\S+__\S+)\s*(\{.*\})?\s*$/gm;

/**
 * A model for demonstrations and tests: the same conversation has the same answer, and a schema is matched. It calls
 * the tools that the prompt says, one a turn; without such lines the first tool that only reads and needs no arguments,
 * once.
 */
export function fakeTurn({ messages, tools = [], schema }: Question): Turn {
  const asked = messages.findLast(({ role }) => role === 'user');
  const used = messages.filter(({ calls }) => calls !== undefined).length;
  const text = textOf(asked?.['content']);
  const wanted = tools.length === 0 ? [] : [...text.matchAll(INSTRUCTION)];
  const next = wanted[used];
  if (next) return turnWith(used, next[1] ?? '', argumentsIn(next[2]));
  const harmless = wanted.length === 0 && used === 0 ? tools.find(isHarmless) : undefined;
  if (harmless) return turnWith(used, harmless.name, {});
  return { text: fakeAnswer(text, schema), calls: [] };
}

function turnWith(count: number, tool: string, args: JsonObject): Turn {
  return { text: '', calls: [{ id: `call_${count}`, tool, arguments: args }] };
}

function isHarmless({ isReadOnly, inputSchema }: NonNullable<Question['tools']>[number]): boolean {
  const { required } = inputSchema;
  return isReadOnly && (!Array.isArray(required) || required.length === 0);
}

function argumentsIn(text: string | undefined): JsonObject {
  try {
    const value = JSON.parse(text ?? '{}') as Json;
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

function fakeAnswer(question: string, schema: JsonObject | undefined): string {
  const digest = createHash('sha256').update(question).digest('hex').slice(0, 8);
  const words = question.split(/\s+/).slice(0, 12).join(' ');
  const text = `[${digest}] ${words}`;
  return schema ? JSON.stringify(example(schema, text)) : text;
}

/** A value that fits the common parts of JSON Schema. */
function example(schema: Json, text: string): Json {
  if (!isObject(schema)) return text;
  const { const: only, enum: choices, anyOf, oneOf, type } = schema;
  if (only !== undefined) return only;
  if (Array.isArray(choices)) return choices[0] ?? null;
  const options = Array.isArray(anyOf) ? anyOf : Array.isArray(oneOf) ? oneOf : undefined;
  if (options) return example(options[0] ?? {}, text);
  switch (Array.isArray(type) ? type[0] : type) {
    case 'object': {
      const properties = isObject(schema['properties']) ? schema['properties'] : {};
      return Object.fromEntries(Object.entries(properties).map(([name, part]) => [name, example(part, text)]));
    }
    case 'array':
      return Array.from({ length: Math.max(1, Number(schema['minItems'] ?? 1)) }, () =>
        example(schema['items'] ?? {}, text),
      );
    case 'integer':
    case 'number':
      return Number(schema['minimum'] ?? 1);
    case 'boolean':
      return true;
    case 'null':
      return null;
    default:
      return isObject(schema['properties']) ? example({ ...schema, type: 'object' }, text) : text;
  }
}
