import { tracer, type Span } from '@mcp-router/platform';
import { memberAt, methodLabel, readRpc, type McpRequest } from '@mcp-router/shared';

/**
 * The span of an MCP request at the door, while somebody collects traces. What the client wrote into `_meta` is nearer to
 * it than the header, which may be that of a proxy.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/gen-ai/mcp/
 */
export function traceRequest(
  { body, era, version, endpoint, kind }: McpRequest,
  method: string | undefined,
  header: string | undefined,
): Span | undefined {
  if (kind !== 'message' || method === undefined) return undefined;
  const { traceparent, target } = factsOf(body ?? '', method);
  const known = methodLabel(method);
  return tracer.span(target === undefined ? known : `${known} ${target}`, 'server', traceparent ?? header, {
    'mcp.method.name': method,
    'mcp.protocol.version': version ?? (era === 'modern' ? '2026-07-28' : undefined),
    'network.transport': 'tcp',
    'network.protocol.name': 'http',
    'gen_ai.tool.name': method === 'tools/call' ? target : undefined,
    'gen_ai.prompt.name': method === 'prompts/get' ? target : undefined,
    'gen_ai.operation.name': method === 'tools/call' ? 'execute_tool' : undefined,
    'mcp_router.endpoint': endpoint === undefined ? '/mcp' : `/mcp/${endpoint}`,
  });
}

function factsOf(body: string, method: string): { traceparent?: string | undefined; target?: string | undefined } {
  const hasTarget = method === 'tools/call' || method === 'prompts/get';
  if (!hasTarget && !body.includes('"traceparent"')) return {};
  const { params } = readRpc(body);
  if (!params) return {};
  const text = (path: readonly string[]): string | undefined => {
    const member = memberAt(body, path, params.start);
    const value: unknown = member && JSON.parse(body.slice(member.start, member.end));
    return typeof value === 'string' ? value.slice(0, 256) : undefined;
  };
  return { traceparent: text(['_meta', 'traceparent']), target: hasTarget ? text(['name']) : undefined };
}
