import type { ToolResult } from '@mcp-router/shared';
import type { Json, JsonObject } from '../definition/json';
import { WorkflowFault } from '../engine/fault';

/**
 * What a task that calls a tool puts out: the structured content when there is one, else `{ content, text }`.
 *
 * @throws WorkflowFault `runtime` for a result with `isError`
 */
export function toolOutput({ content, structuredContent, isError }: ToolResult, tool: string): Json {
  const text = content
    .map((block) => block['text'])
    .filter((part) => typeof part === 'string')
    .join('\n');
  if (isError === true) throw WorkflowFault.of('runtime', `\`${tool}\` failed: ${text.slice(0, 2_000)}`);
  if (structuredContent !== undefined) return structuredContent as Json;
  return { content: content as JsonObject[], text };
}
