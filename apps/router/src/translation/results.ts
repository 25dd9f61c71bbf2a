import {
  applyEdits,
  ENVELOPE,
  memberAt,
  membersOf,
  readRpc,
  removeMembers,
  setMember,
  type Member,
} from '@mcp-router/shared';

/*
 * Answers translated from the era of the server to that of the client. Each function takes and returns the text of a
 * whole response and leaves it alone where there is nothing to change.
 */

/** Methods whose results a modern client may keep for a while. */
const CACHEABLE = new Set(['resources/read']);

/** What only modern results have. */
const MODERN_FIELDS = ['resultType', 'ttlMs', 'cacheScope'];

const LEGACY_RESOURCE_NOT_FOUND = -32002;
const INVALID_PARAMS = -32602;

/** The answer of a legacy server for a modern client. */
export function toModern(response: string, method: string): string {
  const { text, result, error } = readRpc(response);
  if (error) return withErrorCode(text, error, LEGACY_RESOURCE_NOT_FOUND, INVALID_PARAMS);
  if (!result || text[result.start] !== '{') return text;
  const keys = new Set(membersOf(text, result.start).map(({ key }) => key));
  const fields = [
    ...(keys.has('resultType') ? [] : ['"resultType":"complete"']),
    ...(!CACHEABLE.has(method) || keys.has('ttlMs') ? [] : ['"ttlMs":0']),
    ...(!CACHEABLE.has(method) || keys.has('cacheScope') ? [] : ['"cacheScope":"private"']),
  ].join(',');
  if (fields === '') return text;
  const at = result.start + 1;
  return applyEdits(text, [{ start: at, end: at, text: keys.size > 0 ? `${fields},` : fields }]);
}

/** The answer of a modern server for a legacy client. `input_required` is not an answer and does not come here. */
export function toLegacy(response: string, method: string): string {
  const { text, result, error } = readRpc(response);
  if (error)
    return method === 'resources/read' ? withErrorCode(text, error, INVALID_PARAMS, LEGACY_RESOURCE_NOT_FOUND) : text;
  if (!result) return text;
  const stripped = applyEdits(text, removeMembers(text, result.start, MODERN_FIELDS));
  return method === 'tools/call' ? withObjectAsStructuredContent(stripped) : stripped;
}

/** Legacy clients accept only an object as `structuredContent`: anything else is wrapped as `{result: …}`. */
function withObjectAsStructuredContent(response: string): string {
  if (!response.includes('"structuredContent"')) return response;
  const { result } = readRpc(response);
  const member = result && membersOf(response, result.start).findLast(({ key }) => key === 'structuredContent');
  if (!member || response[member.start] === '{') return response;
  const value = response.slice(member.start, member.end);
  return applyEdits(response, [{ start: member.start, end: member.end, text: `{"result":${value}}` }]);
}

/**
 * A tool's definition for a legacy client, which accepts only output schemas of `type: "object"`: a schema that describes
 * objects says so, any other describes the value that `toLegacy` wraps.
 */
export function toolForLegacy(tool: string): string {
  if (!tool.includes('"outputSchema"')) return tool;
  const member = membersOf(tool).findLast(({ key }) => key === 'outputSchema');
  if (!member || tool[member.start] !== '{') return tool;
  const schema = JSON.parse(tool.slice(member.start, member.end)) as Schema;
  if (schema.type === 'object') return tool;
  if (schema.type === undefined && describesObjects(schema, schema, 0)) {
    return applyEdits(tool, [setMember(tool, member.start, 'type', '"object"')]);
  }
  // References inside it start at the root, so what they refer to moves there.
  const { $defs, definitions, $schema, ...value } = schema;
  const wrapped = { $schema, type: 'object', properties: { result: value }, required: ['result'], $defs, definitions };
  return applyEdits(tool, [{ start: member.start, end: member.end, text: JSON.stringify(wrapped) }]);
}

interface Schema {
  type?: unknown;
  $ref?: unknown;
  $defs?: Record<string, Schema>;
  definitions?: Record<string, Schema>;
  [keyword: string]: unknown;
}

/** Whether a schema without a type can only mean objects. */
function describesObjects(schema: Schema, root: Schema, depth: number): boolean {
  if (schema.type !== undefined) return schema.type === 'object';
  if (depth > 8) return false;
  const reference = typeof schema.$ref === 'string' ? /^#\/(\$defs|definitions)\/([^/~%]+)$/.exec(schema.$ref) : null;
  const target = reference && root[reference[1] as '$defs']?.[reference[2] ?? ''];
  if (target) return describesObjects(target, root, depth + 1);
  if (['properties', 'required', 'additionalProperties', 'patternProperties'].some((key) => key in schema)) return true;
  const parts = (schema['oneOf'] ?? schema['anyOf'] ?? schema['allOf']) as Schema[] | undefined;
  return Array.isArray(parts) && parts.length > 0 && parts.every((part) => describesObjects(part, root, depth + 1));
}

function withErrorCode(text: string, error: Member, from: number, to: number): string {
  const code = membersOf(text, error.start).findLast(({ key }) => key === 'code');
  if (!code || text.slice(code.start, code.end) !== String(from)) return text;
  return applyEdits(text, [setMember(text, error.start, 'code', String(to))]);
}

/** The code of an error response, `undefined` for a result. */
export function errorCodeOf(response: string): number | undefined {
  // A native search: most results do not contain the word at all, and then nothing needs to be read.
  if (!response.includes('"error"')) return undefined;
  const { text, error } = readRpc(response);
  const code = error && membersOf(text, error.start).findLast(({ key }) => key === 'code');
  return code && Number(text.slice(code.start, code.end));
}

/** The answer with another name of who gave it, if it names anyone. @param info JSON text */
export function withServerInfo(response: string, info: string): string {
  const member = memberAt(response, ['result', '_meta', ENVELOPE.serverInfo]);
  return member ? applyEdits(response, [{ start: member.start, end: member.end, text: info }]) : response;
}

/** The value of a string field at the top of the result. */
export function resultField(response: string, field: string): string | undefined {
  if (!response.includes(`"${field}"`)) return undefined;
  const { result } = readRpc(response);
  const member = result && membersOf(response, result.start).findLast(({ key }) => key === field);
  return member && response.slice(member.start, member.end);
}
