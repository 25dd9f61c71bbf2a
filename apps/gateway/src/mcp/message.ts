import { AppError, readRpc } from '@mcp-router/shared';

/** What the edge needs of a parsed JSON-RPC message; the text itself travels on unchanged. */
export interface ParsedMessage {
  kind: 'request' | 'notification' | 'response';
  method: string | undefined;
  params: Record<string, unknown> | undefined;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Checks the envelope of one message that `JSON.parse` has read.
 *
 * @throws AppError `invalid_message`
 */
export function readMessage(value: unknown): ParsedMessage {
  if (!isObject(value)) throw new AppError('invalid_message', 'A message is a JSON object');
  if (value['jsonrpc'] !== '2.0') throw new AppError('invalid_message', 'A message needs "jsonrpc": "2.0"');
  const { method, params, id } = value;
  if (method === undefined) {
    if ((value['result'] !== undefined) === (value['error'] !== undefined)) {
      throw new AppError('invalid_message', 'A message needs "method", or one of "result" and "error"');
    }
    return { kind: 'response', method: undefined, params: undefined };
  }
  if (typeof method !== 'string') throw new AppError('invalid_message', '"method" must be a string');
  if (params !== undefined && !isObject(params)) throw new AppError('invalid_message', '"params" must be an object');
  if (id === undefined) return { kind: 'notification', method, params };
  if (typeof id !== 'string' && typeof id !== 'number') {
    throw new AppError('invalid_message', '"id" must be a string or a number');
  }
  return { kind: 'request', method, params };
}

/** The id of a message as JSON text, `null` when it has none that can be echoed. */
export function idOf(body: string | undefined): string {
  if (body === undefined) return 'null';
  try {
    return readRpc(body).id ?? 'null';
  } catch {
    return 'null';
  }
}

/** The JSON-RPC error response for a failure of ours. */
export function errorBody(error: AppError, id: string): string {
  return `{"jsonrpc":"2.0","id":${id},"error":${JSON.stringify(error.toJsonRpc())}}`;
}
