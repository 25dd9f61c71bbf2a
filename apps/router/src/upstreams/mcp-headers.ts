import { memberAt, type RpcText } from '@mcp-router/shared';

/** Where the name that `Mcp-Name` mirrors stands, by method (SEP-2243; `tasks/*` as the tasks extension says). */
const NAME_MEMBER: Record<string, string> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
};

const PLAIN = /^[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?$/;

/** A value as an HTTP field value: as it is, or in the base64 sentinel where a header could not carry it. */
export function headerValue(value: string): string {
  if (PLAIN.test(value) && !(value.startsWith('=?base64?') && value.endsWith('?='))) return value;
  return `=?base64?${Buffer.from(value, 'utf8').toString('base64')}?=`;
}

/** Pushes the headers that 2026-07-28 wants of every request, derived from the body that is sent. */
export function pushModernHeaders(headers: string[], version: string, { text, method, params }: RpcText): void {
  headers.push('mcp-protocol-version', version);
  if (method === undefined) return;
  headers.push('mcp-method', method);
  const member = NAME_MEMBER[method];
  const value = member !== undefined && params ? memberAt(text, [member], params.start) : undefined;
  if (value && text[value.start] === '"')
    headers.push('mcp-name', headerValue(JSON.parse(text.slice(value.start, value.end)) as string));
}
