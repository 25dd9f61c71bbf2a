import {
  applyEdits,
  ENVELOPE,
  memberAt,
  membersOf,
  MODERN_VERSIONS,
  readRpc,
  removeMembers,
  setMember,
} from '@mcp-router/shared';
import type { Edit, RpcText } from '@mcp-router/shared';
import { stringAt, valueText } from '../upstreams/message';

/** What a modern request says of its sender, in `_meta`; the values are JSON text. */
export interface Envelope {
  capabilities: string;
  clientInfo: string | undefined;
  logLevel: string | undefined;
}

const ENVELOPE_KEYS = [ENVELOPE.version, ENVELOPE.capabilities, ENVELOPE.clientInfo, ENVELOPE.logLevel];

/** The request with its `text` edited; spans are those of the new text. */
export function edited(rpc: RpcText, edits: readonly Edit[]): RpcText {
  return edits.length === 0 ? rpc : readRpc(applyEdits(rpc.text, edits));
}

/** The message with the envelope that a modern server needs; an envelope it carried is replaced. */
export function withEnvelope(rpc: RpcText, { capabilities, clientInfo, logLevel }: Envelope): RpcText {
  const bare = withoutEnvelope(rpc);
  const fields = [
    `"${ENVELOPE.version}":"${MODERN_VERSIONS[0]}"`,
    `"${ENVELOPE.capabilities}":${capabilities}`,
    ...(clientInfo === undefined ? [] : [`"${ENVELOPE.clientInfo}":${clientInfo}`]),
    ...(logLevel === undefined ? [] : [`"${ENVELOPE.logLevel}":${logLevel}`]),
  ].join(',');
  const { text, params } = bare;
  if (!params) return edited(bare, [setMember(text, 0, 'params', `{"_meta":{${fields}}}`)]);
  const meta = memberAt(text, ['_meta'], params.start);
  if (text[meta?.start ?? -1] !== '{') return edited(bare, [setMember(text, params.start, '_meta', `{${fields}}`)]);
  const at = (meta?.start ?? 0) + 1;
  const comma = membersOf(text, meta?.start).length > 0 ? ',' : '';
  return edited(bare, [{ start: at, end: at, text: fields + comma }]);
}

/** The message without the envelope, as a legacy server expects it; everything else in `_meta` stays. */
export function withoutEnvelope(rpc: RpcText): RpcText {
  if (!rpc.params || !rpc.text.includes('io.modelcontextprotocol/', rpc.params.start)) return rpc;
  const meta = memberAt(rpc.text, ['_meta'], rpc.params.start);
  return meta ? edited(rpc, removeMembers(rpc.text, meta.start, ENVELOPE_KEYS)) : rpc;
}

/** The message without the answers to questions of an earlier round, which legacy servers do not know. */
export function withoutInput(rpc: RpcText): RpcText {
  if (!rpc.params || !rpc.text.includes('"inputResponses"', rpc.params.start)) return rpc;
  return edited(rpc, removeMembers(rpc.text, rpc.params.start, ['inputResponses', 'requestState']));
}

/** The envelope of a modern request; the edge has checked that it is there. */
export function envelopeOf({ text, params }: RpcText): Envelope {
  const meta = params && memberAt(text, ['_meta'], params.start);
  let capabilities = '{}';
  let clientInfo: string | undefined;
  let logLevel: string | undefined;
  for (const { key, start, end } of meta ? membersOf(text, meta.start) : []) {
    if (key === ENVELOPE.capabilities) capabilities = text.slice(start, end);
    else if (key === ENVELOPE.clientInfo) clientInfo = text.slice(start, end);
    else if (key === ENVELOPE.logLevel) logLevel = text.slice(start, end);
  }
  return { capabilities, clientInfo, logLevel };
}

/** The value of a field of `params` as JSON text. */
export function paramText({ text, params }: RpcText, path: readonly string[]): string | undefined {
  return params && valueText(text, path, params.start);
}

/** The value of a string field of `params`. */
export function stringParam({ text, params }: RpcText, path: readonly string[]): string | undefined {
  return params && stringAt(text, path, params.start);
}
