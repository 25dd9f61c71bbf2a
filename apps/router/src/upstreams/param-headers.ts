import { memberAt } from '@mcp-router/shared';
import { headerValue } from './mcp-headers';

interface Schema {
  properties?: Record<string, Schema>;
  'x-mcp-header'?: unknown;
}

const MAX_DEPTH = 16;

/**
 * The `Mcp-Param-*` headers that a server of 2026-07-28 wants for one call (SEP-2243): the arguments whose schema has
 * `x-mcp-header`, as text.
 *
 * @param definition the tool as the server lists it, JSON text
 */
export function paramHeaders(definition: string, args: unknown): Record<string, string> {
  const headers: Record<string, string> = {};
  // Almost no tool has them: do not read the schema for nothing.
  if (!definition.includes('"x-mcp-header"')) return headers;
  const schema = memberAt(definition, ['inputSchema']);
  if (schema) collect(JSON.parse(definition.slice(schema.start, schema.end)) as Schema, args, headers, 0);
  return headers;
}

function collect(schema: Schema, value: unknown, headers: Record<string, string>, depth: number): void {
  const name = schema['x-mcp-header'];
  if (typeof name === 'string') {
    const text = asText(value);
    if (text !== undefined) headers[`mcp-param-${name.toLowerCase()}`] = headerValue(text);
  }
  if (depth === MAX_DEPTH || typeof value !== 'object' || value === null) return;
  for (const [key, child] of Object.entries(schema.properties ?? {}))
    if (Object.hasOwn(value, key)) collect(child, (value as Record<string, unknown>)[key], headers, depth + 1);
}

function asText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return String(value);
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined;
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? undefined : String(value);
}
