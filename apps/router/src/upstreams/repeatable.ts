import { memberAt, type RpcText } from '@mcp-router/shared';

/** What a tool says of itself in `annotations`. */
export interface ToolHints {
  readOnlyHint?: boolean;
  idempotentHint?: boolean;
}

/** Whether doing it twice is as good as once, as far as the protocol and the tool tell. */
export function isRepeatable(
  { text, method, params }: RpcText,
  hintsOf: (tool: string) => ToolHints | undefined,
): boolean {
  if (method === undefined) return false;
  if (method !== 'tools/call') return !method.startsWith('tasks/');
  const name = params && memberAt(text, ['name'], params.start);
  if (!name) return false;
  const hints = hintsOf(JSON.parse(text.slice(name.start, name.end)) as string);
  return hints?.readOnlyHint === true || hints?.idempotentHint === true;
}
