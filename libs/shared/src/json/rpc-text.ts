import { AppError } from '../errors';
import { membersOf, type Member } from './json-text';

/** A JSON-RPC 2.0 message as text, with the spans of its envelope. The text is valid JSON and has no duplicate envelope keys. */
export interface RpcText {
  text: string;
  kind: 'request' | 'notification' | 'response';
  /** The id as JSON text (`1`, `"a"`), undefined in a notification. */
  id: string | undefined;
  /** Set in requests and notifications. */
  method: string | undefined;
  params: Member | undefined;
  result: Member | undefined;
  error: Member | undefined;
  idMember: Member | undefined;
}

/**
 * Reads the envelope of one JSON-RPC message.
 *
 * @param text a single message; arrays are refused (batches are split before)
 * @throws AppError `malformed_json`, or `invalid_message` for valid JSON that is no JSON-RPC message
 */
export function parseRpc(text: string): RpcText {
  try {
    JSON.parse(text);
  } catch (cause) {
    throw new AppError('malformed_json', 'The message is not valid JSON', { cause });
  }
  return readRpc(text);
}

/** As `parseRpc`, for text that is known to be valid JSON. */
export function readRpc(text: string): RpcText {
  const rpc: RpcText = {
    text,
    kind: 'notification',
    id: undefined,
    method: undefined,
    params: undefined,
    result: undefined,
    error: undefined,
    idMember: undefined,
  };
  let version: string | undefined;
  const seen = new Set<string>();
  for (const member of membersOf(text)) {
    if (seen.has(member.key)) throw new AppError('invalid_message', `The member "${member.key}" appears twice`);
    seen.add(member.key);
    if (member.key === 'id') {
      rpc.idMember = member;
      rpc.id = text.slice(member.start, member.end);
    } else if (member.key === 'method') rpc.method = stringAt(text, member);
    else if (member.key === 'params') rpc.params = member;
    else if (member.key === 'result') rpc.result = member;
    else if (member.key === 'error') rpc.error = member;
    else if (member.key === 'jsonrpc') version = stringAt(text, member);
  }
  if (version !== '2.0') throw new AppError('invalid_message', 'A message needs "jsonrpc": "2.0"');
  if (seen.has('method')) {
    if (rpc.method === undefined) throw new AppError('invalid_message', '"method" must be a string');
    if (rpc.params && !'{['.includes(text[rpc.params.start] ?? '')) {
      throw new AppError('invalid_message', '"params" must be an object');
    }
    if (rpc.id !== undefined) {
      if (!/^("|-?\d)/.test(rpc.id)) throw new AppError('invalid_message', '"id" must be a string or a number');
      rpc.kind = 'request';
    }
  } else if ((rpc.result !== undefined) !== (rpc.error !== undefined)) rpc.kind = 'response';
  else throw new AppError('invalid_message', 'A message needs "method", or one of "result" and "error"');
  return rpc;
}

function stringAt(text: string, member: Member): string | undefined {
  return text[member.start] === '"' ? (JSON.parse(text.slice(member.start, member.end)) as string) : undefined;
}
