import { randomBytes, randomUUID } from 'node:crypto';
import {
  answerMcp,
  AppError,
  ENVELOPE,
  exchangeMcp,
  readRpc,
  type McpReply,
  type McpRequest,
  type Principal,
} from '@mcp-router/shared';
import { tracer, type Answers, type Bus } from '@mcp-router/platform';
import { countList, measureRequest } from './edge-metrics';
import { traceparentOf, traceRequest } from './edge-trace';
import type { HttpReply } from './http-reply';
import type { CachedList, ListCache } from './list-cache';
import { errorBody, idOf } from './message';

export interface ExchangeLimits {
  /** How long an answer may take before it becomes a stream, which can be kept alive and resumed, in milliseconds. */
  streamAfterMs: number;
  keepAliveMs: number;
}

/** Where an exchange goes, and what the gateway knows of its message. */
export interface Start {
  instance?: string | undefined;
  /** A response or a notification: also an instance that stops takes it. */
  beginsNothing?: boolean | undefined;
  method?: string | undefined;
  cursor?: unknown;
}

const RETRY_MS = 1_000;

// Event streams are numbered per gateway; the random part keeps two gateways of one session apart.
const STREAM_PREFIX = randomBytes(6).toString('base64url');
let streams = 0;

const policyKeys = new WeakMap<Principal, string>();

/** Lists depend on the policy, not on who holds it. */
function policyKey(principal: Principal): string {
  let key = policyKeys.get(principal);
  if (key === undefined) policyKeys.set(principal, (key = JSON.stringify([principal.role, principal.policy])));
  return key;
}

/** One HTTP request on its way through a router and back. */
export class Exchange implements Answers<McpReply> {
  private cancel: (() => void) | undefined;
  /** For when nothing was done: the instance is gone, or stops and takes this only by its other name. */
  private sendAgain: (() => void) | undefined;
  private readonly startedAt = Date.now();
  private lastWriteAt = this.startedAt;
  private lists: ListCache | undefined;
  /** Held from the question on: the cache may drop it meanwhile. */
  private cached: CachedList | undefined;
  private listKey: string | undefined;
  private method: string | undefined;
  private failure: string | undefined;

  constructor(
    private readonly bus: Bus,
    private readonly reply: HttpReply,
    private readonly principal: Principal,
    private readonly input: McpRequest,
    private readonly limits: ExchangeLimits,
    private readonly onDone: () => void,
  ) {}

  /** Whether it is a stream for what happens, and not the answer to a request. */
  get isEndless(): boolean {
    return this.input.kind === 'listen' || this.method === 'subscriptions/listen';
  }

  start({ instance, beginsNothing, method, cursor }: Start, lists: ListCache): void {
    const { input, reply, principal } = this;
    this.method = method;
    if (input.era === 'legacy' && input.session !== undefined && input.kind === 'message') {
      input.stream = `${STREAM_PREFIX}${(streams++).toString(36)}`;
    }
    if (method?.endsWith('/list') === true && cursor === undefined) {
      this.lists = lists;
      this.listKey = `${input.endpoint ?? ''} ${input.era} ${method} ${policyKey(principal)}`;
      this.cached = lists.get(this.listKey);
      input.listTag = this.cached?.tag;
    }
    const { headers } = reply.request;
    const given = headers['x-request-id'];
    const requestId = typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
    const traceparent = traceparentOf(method === undefined ? undefined : input.body, headers['traceparent']);
    const span = tracer.isOn ? traceRequest(input, method, traceparent) : undefined;
    const startedAt = performance.now();
    reply.onClose(() => {
      this.finish();
      span?.end(this.failure ?? (reply.sentStatus === 0 ? 'cancelled' : undefined), {
        'http.response.status_code': reply.sentStatus || undefined,
      });
      if (input.kind === 'message' && method !== 'subscriptions/listen')
        measureRequest(method, input.era, reply.sentStatus, performance.now() - startedAt);
    });
    const context = { requestId, traceparent: span?.traceparent ?? traceparent, principal };
    const send = (contract: typeof exchangeMcp): void => {
      this.cancel = this.bus.ask(contract, input, this, { instance, context });
    };
    if (beginsNothing === true) this.sendAgain = () => send(answerMcp);
    send(exchangeMcp);
    if (reply.isOver) this.finish();
  }

  /** Called twice a second: turns a slow answer into a stream and keeps streams alive. */
  tick(now: number): void {
    if (this.reply.isStream) {
      if (now - this.lastWriteAt < this.limits.keepAliveMs) return;
      this.lastWriteAt = now;
      this.reply.keepAlive();
    } else if (this.input.kind === 'message' && now - this.startedAt > this.limits.streamAfterMs) {
      this.lastWriteAt = now;
      if (this.input.stream === undefined) this.reply.open();
      else this.reply.prime(`${this.input.stream}.0`, RETRY_MS);
    }
  }

  /** Ends the HTTP side only; what a session's client waits for goes on and can be fetched. */
  abandon(): void {
    if (this.isEndless) this.endStream();
    // The client of a session fetches the rest at another replica.
    else if (this.reply.isStream && this.input.session !== undefined) this.reply.end();
    else this.error(new AppError('instance_lost', 'The gateway is stopping; the outcome of the call is unknown'));
  }

  /** Takes what the router says. */
  next(frame: McpReply): void {
    const { reply } = this;
    if (frame.session !== undefined) reply.setHeader('mcp-session-id', frame.session);
    if (frame.listTag !== undefined && this.takeList(frame)) return;
    if (frame.last === true && !reply.isStream) {
      reply.json(frame.status ?? (frame.body === undefined ? 202 : 200), frame.body);
      return;
    }
    this.lastWriteAt = Date.now();
    if (frame.body !== undefined) reply.event(frame.body, frame.eventId, frame.event);
    else if (frame.eventId !== undefined) reply.prime(frame.eventId, RETRY_MS);
    else reply.open();
    if (frame.last === true) reply.end();
  }

  /** @returns whether the list was sent */
  private takeList({ listTag, body }: McpReply): boolean {
    const { lists, listKey } = this;
    if (!lists || listKey === undefined || listTag === undefined) return false;
    countList(body === undefined);
    if (body !== undefined) {
      const { result } = readRpc(body);
      if (result) lists.set(listKey, { tag: listTag, result: Buffer.from(body.slice(result.start, result.end)) });
      return false;
    }
    const list = this.cached;
    const before = `{"jsonrpc":"2.0","id":${idOf(this.input.body)},"result":`;
    if (list?.tag !== listTag) this.error(new AppError('internal', 'The list is not at hand'));
    else if (this.reply.isStream) {
      this.reply.event(`${before}${list.result.toString()}}`);
      this.reply.end();
    } else this.reply.jsonAround(before, list.result, '}');
    return true;
  }

  error(thrown: unknown): void {
    const { reply, input, sendAgain } = this;
    this.sendAgain = undefined;
    if (sendAgain && AppError.from(thrown).code === 'no_instance') return sendAgain();
    if (!reply.isOver) {
      const error = this.forClient(AppError.from(thrown));
      this.failure = error.code;
      const body = errorBody(error, idOf(input.body));
      if (!reply.isStream) reply.json(error.status, body);
      else {
        // On a stream without a request (GET) there is nobody to answer.
        if (input.kind === 'message') reply.event(body);
        reply.end();
      }
    }
    this.finish();
  }

  /** Ends a stream in good order: a client of 2026-07-28 gets the answer to its request, so that it opens another. */
  private endStream(): void {
    const { reply, input } = this;
    if (input.era === 'modern' && reply.isStream && !reply.isOver) {
      const id = idOf(input.body);
      const result = `{"resultType":"complete","_meta":{"${ENVELOPE.subscriptionId}":${id}}}`;
      reply.event(`{"jsonrpc":"2.0","id":${id},"result":${result}}`);
    }
    reply.end();
  }

  /** A session whose router is not there is a session that is not there. */
  private forClient(error: AppError): AppError {
    if (error.code === 'no_instance' && this.input.session !== undefined) {
      return new AppError('session_not_found', 'The session is unknown or has ended; start again with "initialize"');
    }
    return error;
  }

  /** The router has nothing more to say; a request that it said nothing to at all must not hang. */
  complete(): void {
    if (this.isEndless && this.reply.isStream) this.endStream();
    if (this.reply.isOver || this.reply.isStream) this.finish();
    else this.error(new AppError('internal', 'The router gave no answer'));
  }

  private finish(): void {
    this.cancel?.();
    if (!this.reply.isOver && this.reply.isStream) this.reply.end();
    this.onDone();
  }
}
