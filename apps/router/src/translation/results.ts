import { applyEdits, membersOf, readRpc, removeMembers, setMember, type Member } from '@mcp-router/shared';

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

/** A tool's definition for a legacy client: an output schema that is not an object describes the wrapped value. */
export function toolForLegacy(tool: string): string {
  if (!tool.includes('"outputSchema"')) return tool;
  const schema = membersOf(tool).findLast(({ key }) => key === 'outputSchema');
  if (!schema || tool[schema.start] !== '{') return tool;
  const type = membersOf(tool, schema.start).findLast(({ key }) => key === 'type');
  if (type && tool.slice(type.start, type.end) === '"object"') return tool;
  const value = tool.slice(schema.start, schema.end);
  const wrapped = `{"type":"object","properties":{"result":${value}},"required":["result"]}`;
  return applyEdits(tool, [{ start: schema.start, end: schema.end, text: wrapped }]);
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

/** The value of a string field at the top of the result. */
export function resultField(response: string, field: string): string | undefined {
  if (!response.includes(`"${field}"`)) return undefined;
  const { result } = readRpc(response);
  const member = result && membersOf(response, result.start).findLast(({ key }) => key === field);
  return member && response.slice(member.start, member.end);
}
