import { applyEdits, ENVELOPE, memberAt, readRpc, setMember, type Edit, type RpcText } from '@mcp-router/shared';

/*
 * Ids and tokens are replaced by splicing text. Each function takes the short cut that fits how the SDKs print messages
 * and falls back to reading the envelope.
 */

/** A message of a server, read once. */
export type Incoming = { kind: 'response'; id: unknown; text: string } | { kind: 'message'; rpc: RpcText };

const TOKEN_PATH = ['_meta', 'progressToken'];
const SUBSCRIPTION_PATH = ['_meta', ENVELOPE.subscriptionId];
const TASK_PATH = ['_meta', 'io.modelcontextprotocol/related-task', 'taskId'];

/** Reads one message of a server. @throws AppError or SyntaxError when it is no JSON-RPC message */
export function readIncoming(text: string): Incoming {
  const parsed = JSON.parse(text) as { id?: unknown; method?: unknown; jsonrpc?: unknown } | null;
  if (typeof parsed === 'object' && parsed !== null && parsed.method === undefined && parsed.id !== undefined)
    return { kind: 'response', id: parsed.id, text };
  return { kind: 'message', rpc: readRpc(text) };
}

/** A response with its id replaced: `from` is the id that was sent, `to` the caller's, both JSON text. */
export function restoreId(text: string, from: string, to: string): string {
  const head = `{"jsonrpc":"2.0","id":${from},`;
  if (text.startsWith(head)) return `{"jsonrpc":"2.0","id":${to},${text.slice(head.length)}`;
  const tail = `,"id":${from}}`;
  if (text.endsWith(tail)) return `${text.slice(0, -tail.length)},"id":${to}}`;
  return applyEdits(text, [setMember(text, 0, 'id', to)]);
}

/** A request ready for the wire, and what has to be restored on the way back. */
export interface Outgoing {
  text: string;
  /** The caller's progress token as JSON text; undefined when it asked for no progress. */
  token: string | undefined;
}

/** The request with an id of ours, and with the same id as its progress token if it has one. */
export function withOwnId(message: RpcText, id: string): Outgoing {
  const { text, idMember, params } = message;
  const edits: Edit[] = idMember ? [{ start: idMember.start, end: idMember.end, text: id }] : [];
  let token: string | undefined;
  // Most requests have no token: native searches spare reading the parameters. A name may be written with escapes, and a
  // token of the client's own would be the id of another call there.
  if (params && (text.includes('"progressToken"', params.start) || text.includes('\\u', params.start))) {
    const member = memberAt(text, TOKEN_PATH, params.start);
    if (member) {
      token = text.slice(member.start, member.end);
      edits.push({ start: member.start, end: member.end, text: id });
    }
  }
  return { text: applyEdits(text, edits), token };
}

/** The progress token of a `notifications/progress`, JSON text. */
export function progressTokenOf({ text, params }: RpcText): string | undefined {
  return params && valueText(text, ['progressToken'], params.start);
}

/** The progress notification with the caller's token. */
export function withProgressToken(message: RpcText, token: string): RpcText {
  return withParam(message, ['progressToken'], token);
}

/** The id of the `subscriptions/listen` that a modern notification belongs to, JSON text. */
export function subscriptionIdOf({ text, params, result }: RpcText): string | undefined {
  const at = params ?? result;
  return at && text.includes('subscriptionId', at.start) ? valueText(text, SUBSCRIPTION_PATH, at.start) : undefined;
}

export function withSubscriptionId(message: RpcText, id: string): RpcText {
  return withParam(message, SUBSCRIPTION_PATH, id);
}

/** The task of 2025-11-25 that a message belongs to. */
export function relatedTaskOf({ text, params }: RpcText): string | undefined {
  return params && text.includes('related-task', params.start) ? stringAt(text, TASK_PATH, params.start) : undefined;
}

/** A string at a path of a message. */
export function stringAt(text: string, path: readonly string[], from?: number): string | undefined {
  const written = valueText(text, path, from);
  return written?.startsWith('"') === true ? (JSON.parse(written) as string) : undefined;
}

/** The request id that a `notifications/cancelled` names, JSON text. */
export function cancelledIdOf({ text, params }: RpcText): string | undefined {
  return params && valueText(text, ['requestId'], params.start);
}

function withParam(message: RpcText, path: readonly string[], value: string): RpcText {
  const from = (message.params ?? message.result)?.start;
  const member = from === undefined ? undefined : memberAt(message.text, path, from);
  if (!member) return message;
  return readRpc(applyEdits(message.text, [{ start: member.start, end: member.end, text: value }]));
}

/** The value at a path of a message, JSON text. */
export function valueText(text: string, path: readonly string[], from?: number): string | undefined {
  const member = memberAt(text, path, from);
  return member && text.slice(member.start, member.end);
}

/** A request of our own. */
export function requestText(id: string, method: string, params: Record<string, unknown> = {}): RpcText {
  return readRpc(`{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)},"params":${JSON.stringify(params)}}`);
}

export function notificationText(method: string, params?: Record<string, unknown>): RpcText {
  return readRpc(JSON.stringify({ jsonrpc: '2.0', method, ...(params && { params }) }));
}

/** Tells the server that nobody waits for the answer to a request any more. */
export function cancelText(id: string, reason: string): string {
  return `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id},"reason":${JSON.stringify(reason)}}}`;
}

export function errorText(id: string, error: { code: number; message: string; data?: unknown }): string {
  return `{"jsonrpc":"2.0","id":${id},"error":${JSON.stringify(error)}}`;
}

/** The `result` of a response as JSON text, or the `error` as an object. */
export function outcomeOf(
  response: string,
): { result: string } | { error: { code: number; message: string; data?: unknown } } {
  const { text, result, error } = readRpc(response);
  if (result) return { result: text.slice(result.start, result.end) };
  return {
    error: JSON.parse(text.slice(error?.start, error?.end)) as { code: number; message: string; data?: unknown },
  };
}
