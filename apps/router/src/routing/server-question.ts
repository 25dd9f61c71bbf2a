import { applyEdits, memberAt, type RpcText } from '@mcp-router/shared';
import type { Session, SessionCall } from '../sessions/session';
import { stringParam } from '../translation/envelope';
import { CAPABILITY_FOR, refusal } from '../translation/parked-call';
import type { ServerHandle } from '../upstreams/upstream';

/**
 * Takes a server's request for the client of a session; what that client cannot be asked is refused at once.
 *
 * @param call the client's call that caused it, if one did
 * @returns the request as the client is to get it, under an id of the session's; undefined when the server has its answer
 */
export function questionFor(
  session: Session,
  message: RpcText,
  server: ServerHandle,
  call?: SessionCall,
): string | undefined {
  const { id: serverId, method, params, text, idMember } = message;
  if (serverId === undefined || method === undefined || !idMember) return undefined;
  const capability = CAPABILITY_FOR[method];
  if (capability !== undefined && !session.declared.has(capability)) {
    server.respond(refusal(serverId, `The client does not support ${capability}`));
    return undefined;
  }
  const visit = method === 'elicitation/create' ? stringParam(message, ['elicitationId']) : undefined;
  if (visit !== undefined) session.addVisit(visit);
  const token = params && memberAt(text, ['_meta', 'progressToken'], params.start);
  const id = session.ask({
    id: serverId,
    call,
    server,
    progressToken: token && text.slice(token.start, token.end),
    answer: (response) => server.respond(response),
  });
  const surplus = session.takeSurplus();
  surplus?.server?.respond(refusal(surplus.id, 'The client has too many questions to answer'));
  const edits = [{ start: idMember.start, end: idMember.end, text: id }];
  if (token) edits.push({ start: token.start, end: token.end, text: id });
  return applyEdits(text, edits);
}

/**
 * Takes back a question that its server does not ask any more.
 *
 * @param message `notifications/cancelled`
 * @returns it as the client is to get it; undefined when the session was not asked that
 */
export function withdrawnFor(session: Session, message: RpcText, server: ServerHandle): string | undefined {
  const { text, params } = message;
  const member = params && memberAt(text, ['requestId'], params.start);
  const id = member && session.withdraw(server, text.slice(member.start, member.end));
  return member && id && applyEdits(text, [{ start: member.start, end: member.end, text: id }]);
}
