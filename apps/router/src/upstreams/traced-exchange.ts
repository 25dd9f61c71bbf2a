import { currentContext, tracer, type Span } from '@mcp-router/platform';
import { applyEdits, memberAt, methodLabel, readRpc, setMember, type RpcText } from '@mcp-router/shared';
import type { Exchange, UpstreamInfo } from './upstream';

/** An exchange whose message tells the server the span that it belongs to. */
export interface TracedExchange {
  exchange: Exchange;
  span: Span | undefined;
}

/**
 * Begins the span of a request to a server, if it belongs to a trace, and writes it into the message's `_meta`. Asked only
 * while somebody collects traces.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/gen-ai/mcp/
 */
export function traceExchange(
  exchange: Exchange,
  server: string,
  transport: 'pipe' | 'tcp',
  info: UpstreamInfo | undefined,
): TracedExchange {
  const traceparent = currentContext()?.traceparent;
  const { message } = exchange;
  if (traceparent === undefined || message.method === undefined) return { exchange, span: undefined };
  const target = message.method === 'tools/call' || message.method === 'prompts/get' ? nameOf(message) : undefined;
  const known = methodLabel(message.method);
  const span = tracer.span(target === undefined ? known : `${known} ${target}`, 'client', traceparent, {
    'mcp.method.name': message.method,
    'mcp.protocol.version': info?.protocolVersion,
    'network.transport': transport,
    'gen_ai.tool.name': message.method === 'tools/call' ? target : undefined,
    'gen_ai.prompt.name': message.method === 'prompts/get' ? target : undefined,
    'mcp_router.server': server,
  });
  return span
    ? { exchange: { ...exchange, message: withTraceparent(message, span.traceparent) }, span }
    : { exchange, span };
}

function nameOf({ text, params }: RpcText): string | undefined {
  const member = params && memberAt(text, ['name'], params.start);
  const name: unknown = member && JSON.parse(text.slice(member.start, member.end));
  return typeof name === 'string' ? name.slice(0, 256) : undefined;
}

/** The message with our span in `_meta`; what else stands there stays. */
export function withTraceparent(message: RpcText, traceparent: string): RpcText {
  const { text, params } = message;
  const field = JSON.stringify(traceparent);
  if (!params) return readRpc(applyEdits(text, [setMember(text, 0, 'params', `{"_meta":{"traceparent":${field}}}`)]));
  if (text[params.start] !== '{') return message;
  const meta = memberAt(text, ['_meta'], params.start);
  if (meta && text[meta.start] !== '{') return message;
  const edit = meta
    ? setMember(text, meta.start, 'traceparent', field)
    : setMember(text, params.start, '_meta', `{"traceparent":${field}}`);
  return readRpc(applyEdits(text, [edit]));
}
