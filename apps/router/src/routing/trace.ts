import { randomBytes } from 'node:crypto';
import { memberAt, type RpcText } from '@mcp-router/shared';
import { edited } from '../translation/envelope';

const TRACEPARENT = /^"(00-[0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})"$/;

/** Continues a trace that the client's `_meta` carries: same trace, a span of ours as the parent of the server's. */
export function continueTrace(request: RpcText): RpcText {
  if (!request.params || !request.text.includes('"traceparent"', request.params.start)) return request;
  const member = memberAt(request.text, ['_meta', 'traceparent'], request.params.start);
  const match = member && TRACEPARENT.exec(request.text.slice(member.start, member.end));
  if (!member || !match) return request;
  const span = randomBytes(8).toString('hex');
  return edited(request, [{ start: member.start, end: member.end, text: `"${match[1]}-${span}-${match[2]}"` }]);
}
