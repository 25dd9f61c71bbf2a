import { AppError, readRpc, SSE_VERSION, type McpRequest, type RpcText } from '@mcp-router/shared';
import { isFeatureEnabled, type BusContext } from '@mcp-router/platform';
import type { ReplySink } from '../sessions/event-stream';
import type { Session } from '../sessions/session';
import type { SessionStore } from '../sessions/session-store';
import { principalOf, reply, type LegacyDoor } from './legacy-door';
import { errorResponse, resultResponse } from './response';

/**
 * The HTTP+SSE transport of 2024-11-05, off by default (flag LEGACY_SSE): one GET is the session and carries every
 * message to the client, whose own messages come by POST to the address that the first event names.
 */
export class SseDoor {
  private readonly sessions: SessionStore;
  private readonly own = new WeakSet<Session>();

  constructor(private readonly legacy: LegacyDoor) {
    this.sessions = legacy.sessions;
  }

  /** Answers one exchange. @returns what to do when the client is gone before the end */
  serve(input: McpRequest, context: BusContext, sink: ReplySink): Promise<(() => void) | undefined> {
    if (!isFeatureEnabled('LEGACY_SSE')) throw new AppError('method_not_allowed', 'HTTP+SSE is switched off');
    if (input.kind === 'listen') return Promise.resolve(this.open(input, context, sink));
    const session = this.sessions.get(input.session ?? '', principalOf(context), input.endpoint);
    if (!this.own.has(session)) throw new AppError('session_not_found', 'The session is not one of HTTP+SSE');
    reply(sink, { status: 202, last: true });
    return this.message(session, readRpc(input.body ?? ''), input, context);
  }

  private open({ endpoint }: McpRequest, context: BusContext, sink: ReplySink): () => void {
    context.markEndless?.();
    const client = { version: SSE_VERSION, capabilities: '{}', clientInfo: undefined };
    const session = this.sessions.create(principalOf(context), endpoint, client);
    this.own.add(session);
    const path = endpoint === undefined ? '/mcp' : `/mcp/${endpoint}`;
    sink.send({ event: 'endpoint', body: `${path}?sessionId=${session.id}` });
    session.attach(sink);
    return () => this.sessions.end(session);
  }

  private async message(
    session: Session,
    message: RpcText,
    input: McpRequest,
    context: BusContext,
  ): Promise<undefined> {
    if (message.method === 'initialize' && message.id !== undefined) {
      try {
        const { client, result } = await this.legacy.introduce(message, input);
        session.describe(client);
        session.notify(resultResponse(message.id, result));
      } catch (error) {
        session.notify(errorResponse(message.id, error, 'legacy'));
      }
      return;
    }
    // Everything goes to the one stream; the POST has been answered.
    const stream: ReplySink = {
      send: ({ body }) => {
        if (body !== undefined) session.notify(body);
      },
      end: () => undefined,
    };
    this.legacy.message(session, message, { ...input, stream: undefined }, context, stream);
  }
}
