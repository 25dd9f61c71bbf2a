import {
  AppError,
  elementsOf,
  memberAt,
  type McpReply,
  type McpRequest,
  type Principal,
  type RpcText,
} from '@mcp-router/shared';
import type { BusContext } from '@mcp-router/platform';
import type { EventStream, ReplySink } from '../sessions/event-stream';
import type { Session } from '../sessions/session';
import { stringParam } from '../translation/envelope';
import { CAPABILITY_FOR, refusal } from '../translation/parked-call';
import { CallCancellation, type Cancellation } from '../upstreams/cancellation';
import type { ServerHandle } from '../upstreams/upstream';
import type { LegacyCall } from './call';
import { isWanted } from './log-levels';
import { questionFor, withdrawnFor } from './server-question';

/** The code of URLElicitationRequiredError (2025-11-25); an error that has it is short. */
const REFUSED_UNTIL_VISITED = '-32042';
const MAX_REFUSAL_CHARS = 65_536;

/** One request of a session that is being worked on, with the stream its answer goes to. */
export class OpenCall implements LegacyCall {
  readonly era = 'legacy';
  readonly id: string;
  readonly method: string;
  readonly stream: EventStream;
  upstreamMs = 0;
  private readonly cancellation = new CallCancellation();

  constructor(
    readonly session: Session,
    readonly request: RpcText,
    private readonly input: McpRequest,
    readonly context: BusContext,
    sink: ReplySink,
  ) {
    this.id = request.id as string;
    this.method = request.method as string;
    this.stream = session.openStream(input.stream, sink);
  }

  get endpoint(): string | undefined {
    return this.session.endpoint;
  }

  get principal(): Principal {
    return this.session.principal;
  }

  get signal(): Cancellation {
    return this.cancellation;
  }

  get headers(): undefined {
    return undefined;
  }

  get streamName(): string | undefined {
    return this.input.stream;
  }

  /** The client does not want the answer any more. */
  cancel(): void {
    this.cancellation.abort();
  }

  take(message: RpcText, server: ServerHandle): void {
    if (message.kind === 'notification') this.takeNotification(message, server);
    else if (message.kind === 'request') this.takeRequest(message, server);
  }

  ask(method: string, params: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const cancelled = () => reject(new AppError('cancelled', 'The request was cancelled'));
      const id = this.session.ask({
        id: '0',
        call: this,
        answer: (response) => {
          this.signal.removeEventListener('abort', cancelled);
          resolve(response);
        },
      });
      this.signal.addEventListener('abort', cancelled, { once: true });
      const capability = CAPABILITY_FOR[method];
      if (capability !== undefined && !this.session.declared.has(capability)) {
        this.session.takeQuestion(id);
        reject(new AppError('missing_capability', `The client did not declare "${capability}"`));
      } else this.emit(`{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)},"params":${params}}`);
    });
  }

  /** Sends the answer, as a plain one if nothing went before it. @param keep whether the client may ask for it again */
  finish(answer: McpReply, keep: boolean): void {
    const { session, stream, signal } = this;
    session.calls.delete(this.id);
    if (answer.body !== undefined && answer.body.length < MAX_REFUSAL_CHARS) this.noteVisits(answer.body);
    for (const { id, server } of session.takeQuestions(this)) server?.respond(refusal(id, 'The call is over'));
    if (signal.aborted) stream.end();
    else if (answer.body === undefined || (stream.length === 0 && !keep)) stream.answer(answer);
    else {
      this.keep();
      stream.emit(answer.body, true);
    }
  }

  /** A call that was refused until the user has been to some pages: the session is told when that is so. */
  private noteVisits(response: string): void {
    if (!response.includes(REFUSED_UNTIL_VISITED)) return;
    const member = memberAt(response, ['error', 'data', 'elicitations']);
    for (const { start } of member ? elementsOf(response, member.start) : []) {
      const id = memberAt(response, ['elicitationId'], start);
      const value: unknown = id && JSON.parse(response.slice(id.start, id.end));
      if (typeof value === 'string') this.session.addVisit(value);
    }
  }

  private takeRequest(message: RpcText, server: ServerHandle): void {
    if (message.method === 'ping') return server.respond(`{"jsonrpc":"2.0","id":${message.id ?? 'null'},"result":{}}`);
    const question = questionFor(this.session, message, server, this);
    if (question !== undefined) this.emit(question);
  }

  private takeNotification(message: RpcText, server: ServerHandle): void {
    if (message.method === 'notifications/message') {
      const { logLevel } = this.session;
      if (logLevel !== undefined && !isWanted(stringParam(message, ['level']), logLevel)) return;
    }
    const text =
      message.method === 'notifications/cancelled' ? withdrawnFor(this.session, message, server) : message.text;
    if (text !== undefined) this.emit(text);
  }

  private emit(text: string): void {
    if (this.signal.aborted) return;
    this.keep();
    this.stream.emit(text);
  }

  private keep(): void {
    if (this.streamName !== undefined) this.session.keepStream(this.streamName, this.stream);
  }
}
