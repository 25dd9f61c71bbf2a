import { readTraceparent, tracer, type Span } from '@mcp-router/platform';
import { memberAt, methodLabel, readRpc, type McpRequest } from '@mcp-router/shared';

/**
 * The trace that a request of a client belongs to (W3C Trace Context). What the client wrote into `_meta` is nearer to it than
 * the header, which may be that of a proxy; what is no such thing is ignored.
 *
 * @param body one message, or undefined
 * @see SEP-414
 */
export function traceparentOf(body: string | undefined, header: string | string[] | undefined): string | undefined {
  const inMeta = body?.includes('"traceparent"') === true ? textAt(body, ['_meta', 'traceparent']) : undefined;
  return [inMeta, header].find((one): one is string => typeof one === 'string' && readTraceparent(one) !== undefined);
}

/**
 * The span of an MCP request at the door, below `parent`, while somebody collects traces.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/gen-ai/mcp/
 */
export function traceRequest(
  { body, era, version, endpoint, kind }: McpRequest,
  method: string | undefined,
  parent: string | undefined,
): Span | undefined {
  if (kind !== 'message' || method === undefined) return undefined;
  const hasTarget = method === 'tools/call' || method === 'prompts/get';
  const target = hasTarget ? textAt(body ?? '', ['name']) : undefined;
  const known = methodLabel(method);
  return tracer.span(target === undefined ? known : `${known} ${target}`, 'server', parent, {
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

/** A text in the parameters of a message. */
function textAt(body: string, path: readonly string[]): string | undefined {
  const { params } = readRpc(body);
  const member = params && memberAt(body, path, params.start);
  const value: unknown = member && JSON.parse(body.slice(member.start, member.end));
  return typeof value === 'string' ? value.slice(0, 256) : undefined;
}
