import { Logger } from '@nestjs/common';
import { Server, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices';
import { AppError, type Contract } from '@mcp-router/shared';
import { isObservable, type Observable } from 'rxjs';
import type { z } from 'zod';
import { refusedText } from '../database/refused-text';
import { runInContext, type BusContext } from './context';
import type { RedisLink } from './link';
import { ServedRequest, type AnswerSink, type ReplyPath } from './served-request';
import { ServedRequests } from './served-requests';
import type { LiveSet } from './live-set';
import type { Transfers } from './transfers';
import { decodeBody, decodeRequest, validInput } from './wire';

/** How often callers with open requests are checked for being there. */
const WATCH_MS = 2_000;

/** Answers a contract by hand, when it likes; may throw. */
export type Responder<I extends z.ZodType, O extends z.ZodType> = (
  input: z.output<I>,
  context: BusContext,
  answers: AnswerSink<z.output<O>>,
) => void;

/** Gives the answers of one request to it. */
type Begin = (request: ServedRequest, input: unknown) => void;

/**
 * Nest's transport on the receiving side: handlers are plain controllers whose methods carry `@Handles(contract)`.
 * A request is handled by this instance alone. Use as `app.connectMicroservice({ strategy: app.get(RedisBusServer) })`.
 */
export class RedisBusServer extends Server implements CustomTransportStrategy, ReplyPath {
  protected override readonly logger = new Logger('Bus');
  private readonly served = new ServedRequests();
  private readonly responders = new Map<string, { contract: Contract; begin: Begin }>();
  private readonly idle: (() => void)[] = [];
  private draining = false;
  private drained: Promise<void> | undefined;
  private watcher: NodeJS.Timeout | undefined;

  constructor(
    private readonly link: RedisLink,
    private readonly transfers: Transfers,
    private readonly live: LiveSet,
    /** How long `close` waits for handlers that are at work before it aborts them. */
    private readonly drainMs: number,
    /** Writes a debug line for each request. */
    private readonly logsRequests = false,
  ) {
    super();
    link.on('Q', (frame) => this.receive(frame));
    link.on('C', (frame) => this.cancelled(frame));
    link.on('P', (frame) => this.probed(frame));
    link.onDown(() => this.abortAll(new AppError('bus_unavailable', 'The connection to the message bus broke')));
  }

  /** Patterns this process answers. */
  get patterns(): string[] {
    return [...this.messageHandlers.keys(), ...this.responders.keys()];
  }

  /**
   * Answers a contract without Nest's pipeline (interceptors, guards, filters), which makes half a dozen promises a
   * request: for what every call passes through. The input has been validated.
   */
  respond<I extends z.ZodType, O extends z.ZodType>(contract: Contract<I, O>, responder: Responder<I, O>): void {
    const begin: Begin = (request, input) => responder(input as z.output<I>, request, request);
    this.responders.set(contract.pattern, { contract, begin });
  }

  async listen(callback: (error?: unknown) => void): Promise<void> {
    try {
      await this.link.subscribe(this.channel);
      await this.live.join();
      this.watcher = setInterval(() => this.watch(), WATCH_MS).unref();
      callback();
    } catch (error) {
      callback(error);
    }
  }

  get isDraining(): boolean {
    return this.draining;
  }

  /** Takes no new requests and resolves when those at work are done, or were aborted after the time for it. */
  drain(): Promise<void> {
    return (this.drained ??= this.leave());
  }

  private async leave(): Promise<void> {
    await this.live.leave();
    this.draining = true;
    for (const request of this.served.values()) request.endIfEndless();
    const aborting = setTimeout(() => this.abortAll(new AppError('cancelled', 'The service stops')), this.drainMs);
    if (!this.served.isEmpty) await new Promise<void>((resolve) => this.idle.push(resolve));
    clearTimeout(aborting);
    // The other connection could overtake the last answers, and their callers would take this instance for lost.
    await this.link.settled();
    await this.link.unsubscribe(this.channel);
    clearInterval(this.watcher);
  }

  async close(): Promise<void> {
    await this.drain();
  }

  override on(): never {
    throw new Error('RedisBusServer has no events of its own');
  }

  override unwrap<T>(): T {
    return this.link.redis as T;
  }

  sendBack(request: ServedRequest, frame: string): boolean {
    const inbox = this.link.inbox(request.from);
    if (this.transfers.isLarge(frame)) {
      this.transfers.send(inbox, frame, request.key, this.channel, request);
      return true;
    }
    // After the last answer nobody here wants to know whether it arrived.
    this.link.send(inbox, frame, request.isOver() ? undefined : request);
    return false;
  }

  forget(request: ServedRequest): void {
    if (!this.served.delete(request)) return;
    if (this.logsRequests) this.log(request);
    if (this.idle.length === 0 || !this.served.isEmpty) return;
    for (const resolve of this.idle.splice(0)) resolve();
  }

  private get channel(): string {
    return this.link.rpcChannel(this.link.app, this.link.instanceId);
  }

  private receive(frame: string): void {
    const [head, bodyAt] = decodeRequest(frame);
    const inbox = this.link.inbox(head.from);
    const responder = this.responders.get(head.pattern) ?? this.handlerOf(head.pattern);
    if (this.draining && responder?.contract.whileDraining !== true) return this.link.send(inbox, `X${head.id}`);
    if (!responder) {
      const error = new AppError(
        'method_not_found',
        `This release of "${this.link.app}" does not answer ${head.pattern}`,
      );
      return this.link.send(inbox, `E${head.id} ${JSON.stringify(error.toWire())}`);
    }
    const request = new ServedRequest(this, head.id, head.from, responder.contract, head);
    this.served.add(request);
    try {
      const input = validInput(request.contract, decodeBody(frame, bodyAt, request.contract.raw));
      runInContext(request, () => responder.begin(request, input));
    } catch (error) {
      this.reject(request, error);
    }
  }

  /** A controller's method, behind Nest's pipeline. */
  private handlerOf(pattern: string): { contract: Contract; begin: Begin } | undefined {
    const handler = this.messageHandlers.get(pattern);
    return handler && { contract: handler.extras?.['contract'] as Contract, begin: this.beginWith(handler) };
  }

  private beginWith(handler: MessageHandler): Begin {
    return (request, input) => {
      (handler(input, request) as Promise<unknown>).then(
        (result) => {
          if (isObservable(result)) this.follow(request, result);
          else request.last(result);
        },
        (error: unknown) => this.reject(request, error),
      );
    };
  }

  private follow(request: ServedRequest, answers: Observable<unknown>): void {
    if (request.isOver()) return;
    runInContext(request, () => {
      request.subscription = answers.subscribe(request);
    });
    if (request.isOver()) request.subscription?.unsubscribe();
  }

  reject(request: ServedRequest, thrown: unknown): void {
    const error = refusedText(thrown) ?? AppError.from(thrown);
    if (error.code === 'internal')
      this.logger.error({ err: error.cause ?? error, requestId: request.requestId, pattern: request.contract.pattern });
    request.fail(error);
  }

  private log(request: ServedRequest): void {
    const fields = { pattern: request.contract.pattern, ms: Date.now() - request.startedAt };
    runInContext(request, () => this.logger.debug(fields, 'answered'));
  }

  private cancelled(frame: string): void {
    const space = frame.indexOf(' ');
    const [id, from] = [frame.slice(1, space), frame.slice(space + 1)];
    this.transfers.refuse(`${from}/${id}`);
    this.served.get(from, Number(id))?.abort(new AppError('cancelled', 'The caller cancelled'));
  }

  private probed(frame: string): void {
    const space = frame.indexOf(' ');
    const from = frame.slice(1, space);
    const unknown = frame
      .slice(space + 1)
      .split(',')
      .filter((id) => !this.served.get(from, Number(id)) && !this.transfers.isComing(`${from}/${id}`));
    this.link.send(this.link.inbox(from), `U${this.channel} ${unknown.join(',')}`);
  }

  private abortAll(reason: AppError): void {
    for (const request of this.served.values()) {
      request.fail(reason);
      request.abort(reason);
    }
  }

  /** A caller that was killed is not subscribed to its inbox any more: its handlers stop, also those that are silent. */
  private watch(): void {
    const inboxes = new Map(this.served.callers().map((from) => [this.link.inbox(from), from]));
    if (inboxes.size === 0 || !this.link.isUp) return;
    void this.link.redis
      .pubsub('NUMSUB', ...inboxes.keys())
      .then((counts) => this.checkCallers(inboxes, counts))
      .catch(() => undefined);
  }

  private checkCallers(inboxes: Map<string, string>, counts: unknown[]): void {
    const gone = new Set<string>();
    for (let at = 0; at < counts.length; at += 2)
      if (counts[at + 1] === 0) gone.add(inboxes.get(counts[at] as string) ?? '');
    for (const request of this.served.values()) if (gone.has(request.from)) request.undelivered();
  }
}
