import {
  AppError,
  elementsOf,
  LEGACY_VERSIONS,
  memberAt,
  readRpc,
  SSE_VERSION,
  type McpReply,
  type McpRequest,
  type RpcText,
} from '@mcp-router/shared';
import type { BusContext } from '@mcp-router/platform';
import type { ReplySink } from '../sessions/event-stream';
import type { ClientDescription, Session } from '../sessions/session';
import type { SessionStore } from '../sessions/session-store';
import { paramText, stringParam } from '../translation/envelope';
import type { Caller } from '../upstreams/upstream';
import { isLevel, type LogLevels } from './log-levels';
import { LISTS, type McpRouter } from './mcp-router';
import { OpenCall } from './open-call';
import { errorResponse, resultResponse } from './response';
import type { Subscriber, Subscriptions } from './subscriptions';

/** An answer that takes longer than this may have to be fetched again, so it is kept, in milliseconds. */
const KEEP_AFTER_MS = 1_000;

/** Serves clients of 2025-11-25 and older: sessions, their streams, and requests in both directions. */
export class LegacyDoor {
  private readonly subscribers = new WeakMap<Session, Subscriber>();

  constructor(
    readonly sessions: SessionStore,
    private readonly router: McpRouter,
    private readonly subscriptions: Subscriptions,
    private readonly levels: LogLevels,
  ) {
    sessions.onEnd((session) => {
      const subscriber = this.subscribers.get(session);
      if (subscriber) this.subscriptions.removeAll(subscriber, callerOf(session));
      for (const upstream of this.router.directory.upstreams()) upstream.endSession(session.id);
    });
  }

  /** Answers one exchange. @returns where it takes a while to begin: what to do when the client is gone before the end */
  serve(input: McpRequest, context: BusContext, sink: ReplySink): Promise<(() => void) | undefined> | undefined {
    const principal = principalOf(context);
    if (input.kind === 'message' && input.session === undefined) return this.open(input, context, sink);
    const session = this.sessions.get(input.session ?? '', principal, input.endpoint);
    if (input.kind === 'end') {
      this.sessions.end(session);
      reply(sink, { status: 200, last: true });
      return undefined;
    }
    if (input.kind === 'listen') return listen(session, input, context, sink);
    const body = input.body ?? '';
    if (body.trimStart().startsWith('[')) this.batch(session, body, input, context, sink);
    else this.message(session, readRpc(body), input, context, sink);
    return undefined;
  }

  /** Makes the session that an `initialize` asks for. */
  private async open(input: McpRequest, context: BusContext, sink: ReplySink): Promise<undefined> {
    const request = readRpc(input.body ?? '');
    const { client, result } = await this.introduce(request, input);
    const { id } = this.sessions.create(principalOf(context), input.endpoint, client);
    reply(sink, { body: resultResponse(request.id ?? 'null', result), session: id, last: true });
    return undefined;
  }

  /** Reads what a client says in `initialize`. @returns that, and the result it gets */
  async introduce(request: RpcText, input: McpRequest): Promise<{ client: ClientDescription; result: string }> {
    const version = versionFor(stringParam(request, ['protocolVersion']), input.sse === true);
    const result = await this.router.initialize(input.endpoint, version);
    const capabilities = paramText(request, ['capabilities']) ?? '{}';
    return {
      client: {
        version,
        capabilities: capabilities.startsWith('{') ? capabilities : '{}',
        clientInfo: paramText(request, ['clientInfo']),
      },
      result,
    };
  }

  private batch(session: Session, body: string, input: McpRequest, context: BusContext, sink: ReplySink): void {
    if (session.client.version !== '2025-03-26') {
      throw new AppError('invalid_message', `Protocol version ${session.client.version} has no batches`);
    }
    const messages = elementsOf(body).map(({ start, end }) => readRpc(body.slice(start, end)));
    if (messages.length === 0) throw new AppError('invalid_message', 'The batch is empty');
    const answers: string[] = [];
    let open = messages.length;
    const part: ReplySink = {
      send: ({ body: answered, last, eventId }) => {
        if (last !== true) sink.send({ body: answered, eventId });
        else if (answered !== undefined) answers.push(answered);
      },
      end: () => {
        if (--open > 0) return;
        reply(sink, answers.length === 0 ? { last: true } : { body: `[${answers.join(',')}]`, last: true });
      },
    };
    for (const [i, message] of messages.entries()) {
      try {
        this.message(session, message, { ...input, stream: `${input.stream ?? ''}-${i}` }, context, part);
      } catch (error) {
        reply(part, { body: errorResponse(message.id ?? 'null', error, 'legacy'), last: true });
      }
    }
  }

  /** The end of the HTTP exchange is not the end of a call: its client may come back. */
  message(session: Session, message: RpcText, input: McpRequest, context: BusContext, sink: ReplySink): void {
    if (message.kind === 'request') {
      this.request(session, message, input, context, sink);
      return;
    }
    if (message.kind === 'response') answer(session, message);
    else this.notification(session, message);
    reply(sink, { last: true });
  }

  private request(session: Session, request: RpcText, input: McpRequest, context: BusContext, sink: ReplySink): void {
    const id = request.id as string;
    if (session.calls.has(id)) throw new AppError('invalid_message', `A request with the id ${id} is in flight`);
    const call = new OpenCall(session, request, input, context, sink);
    session.calls.set(id, call);
    const startedAt = Date.now();
    this.handle(call, input).then(
      (answered) => call.finish(answered, Date.now() - startedAt > KEEP_AFTER_MS),
      (error: unknown) =>
        call.finish({ body: errorResponse(id, error, 'legacy') }, Date.now() - startedAt > KEEP_AFTER_MS),
    );
  }

  private async handle(call: OpenCall, input: McpRequest): Promise<McpReply> {
    const kind = LISTS[call.method];
    if (kind) {
      const list = await this.router.list(call, kind);
      if (list.tag === input.listTag) return { listTag: list.tag };
      return { body: resultResponse(call.id, list.text), listTag: list.tag };
    }
    switch (call.method) {
      case 'ping':
        return { body: resultResponse(call.id, '{}') };
      case 'initialize':
        throw new AppError('invalid_message', 'The session is initialized');
      case 'logging/setLevel':
        return { body: resultResponse(call.id, await this.setLevel(call)) };
      case 'resources/subscribe':
      case 'resources/unsubscribe':
        return { body: resultResponse(call.id, await this.subscribe(call)) };
      default:
        return { body: await this.router.route(call) };
    }
  }

  private async setLevel({ session, request }: OpenCall): Promise<string> {
    const level = stringParam(request, ['level']);
    if (!isLevel(level)) throw new AppError('invalid_request', 'params.level is not a log level');
    session.logLevel = level;
    const upstreams = this.router.serversOf(session.endpoint);
    await Promise.all(upstreams.map((upstream) => this.levels.want(upstream, level, callerOf(session))));
    return '{}';
  }

  private async subscribe({ session, request, method }: OpenCall): Promise<string> {
    const uri = stringParam(request, ['uri']);
    if (uri === undefined) throw new AppError('invalid_request', 'params.uri is missing');
    const caller = callerOf(session);
    let subscriber = this.subscribers.get(session);
    if (!subscriber) {
      subscriber = { updated: (notification) => session.notify(notification) };
      this.subscribers.set(session, subscriber);
    }
    const isOver = method === 'resources/unsubscribe' && (await this.subscriptions.remove(uri, subscriber, caller));
    if (isOver) return '{}';
    // Whatever is asked of a resource that nobody has is refused.
    const upstream = await this.router.ownerOf(session.endpoint, uri, session.principal);
    // What began after the end of the session would have no end.
    if (this.sessions.find(session.id) !== session) throw new AppError('cancelled', 'The session has ended');
    if (method === 'resources/subscribe') await this.subscriptions.add(upstream, uri, subscriber, caller);
    return '{}';
  }

  private notification(session: Session, message: RpcText): void {
    switch (message.method) {
      case 'notifications/initialized':
        return;
      case 'notifications/cancelled':
        session.calls.get(paramText(message, ['requestId']) ?? '')?.cancel();
        return;
      case 'notifications/progress':
        progress(session, message);
        return;
      default: {
        const caller = callerOf(session);
        // What belongs to the session as a whole concerns the connections that are the session's own.
        for (const upstream of this.router.serversOf(session.endpoint)) {
          if (upstream.isolation === 'session' && upstream.info?.era === 'legacy') upstream.notify(message, caller);
        }
      }
    }
  }
}

export function principalOf({ principal }: BusContext): NonNullable<BusContext['principal']> {
  if (!principal) throw new AppError('unauthorized', 'The request says nothing of its caller');
  return principal;
}

export function reply(sink: ReplySink, message: McpReply): void {
  sink.send(message);
  sink.end();
}

function versionFor(asked: string | undefined, sse: boolean): string {
  const known: readonly string[] = sse ? [SSE_VERSION, ...LEGACY_VERSIONS] : LEGACY_VERSIONS;
  return asked !== undefined && known.includes(asked) ? asked : LEGACY_VERSIONS[0];
}

async function listen(session: Session, input: McpRequest, context: BusContext, sink: ReplySink): Promise<() => void> {
  const stream = await session.listen(sink, input.lastEventId);
  // The stream of a call ends with the call, that of the session does not.
  if (stream && session.isOwnStream(stream)) context.markEndless?.();
  return () => stream?.detach(sink);
}

/** Hands the client's answer to the server that asked. */
function answer(session: Session, message: RpcText): void {
  const question = message.id === undefined ? undefined : session.takeQuestion(message.id);
  if (!question || !message.idMember) return;
  const { start, end } = message.idMember;
  question.answer(message.text.slice(0, start) + question.id + message.text.slice(end));
}

/** The client reports progress on a server's request under our token; the server knows its own. */
function progress(session: Session, { text, params }: RpcText): void {
  const member = params && memberAt(text, ['progressToken'], params.start);
  const question = member && session.question(text.slice(member.start, member.end));
  if (!member || question?.progressToken === undefined) return;
  question.server?.notify(text.slice(0, member.start) + question.progressToken + text.slice(member.end));
}

export function callerOf({ id, principal, client }: Session): Caller {
  return { principal, sessionKey: id, clientCapabilities: client.capabilities };
}
