import { createHash } from 'node:crypto';
import { isObject, type Json, type JsonObject } from '../definition/json';

/** The name of the model that is none. */
export const FAKE_MODEL = 'fake';

/** A model for demonstrations and tests: the same question has the same answer, and a schema is matched. */
export function fakeAnswer(question: string, schema: JsonObject | undefined): string {
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
