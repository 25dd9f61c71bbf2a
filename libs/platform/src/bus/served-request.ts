import { AppError, type Contract } from '@mcp-router/shared';
import type { Subscription } from 'rxjs';
import type { BusContext } from './context';
import { tracer, type Span } from '../telemetry/tracer';
import type { Receipt } from './publish';
import { encodeBody, exceeds, tooLarge, type RequestHead } from './wire';

const LONGEST_TIMER_MS = 2_147_483_647;

/** What a served request needs of the server. */
export interface ReplyPath {
  /** Answers with an error, whatever was thrown. */
  reject(request: ServedRequest, thrown: unknown): void;
  /** @returns whether the frame is large, so that what follows must wait for `delivered` */
  sendBack(request: ServedRequest, frame: string): boolean;
  /** The request has ended. */
  forget(request: ServedRequest): void;
  /** The service stops: what has no end of its own is ended. */
  readonly isDraining: boolean;
}

/** Where a responder puts what it answers; after the end everything is ignored. */
export interface AnswerSink<T> {
  next(value: T): void;
  /** The only answer, or the last one. */
  last(value: T): void;
  /** The end, without another answer. */
  complete(): void;
  error(thrown: unknown): void;
}

/** One request that is being handled here: the context its handler gets, and the way of its answers back. */
export class ServedRequest implements BusContext, Receipt, AnswerSink<unknown> {
  readonly requestId: string;
  readonly traceparent: string | undefined;
  readonly principal: BusContext['principal'];
  /** Epoch milliseconds. */
  readonly startedAt = Date.now();
  readonly deadlineAt: number;
  subscription: Subscription | undefined;
  timer: NodeJS.Timeout | undefined;
  private controller: AbortController | undefined;
  private reason: AppError | undefined;
  /** Frames that wait until a large one before them has gone. */
  private held: string[] | undefined;
  private over = false;
  private endless = false;
  /** Only of requests that belong to a trace, while somebody collects it. */
  private span: Span | undefined;

  constructor(
    private readonly server: ReplyPath,
    readonly id: number,
    /** Address of the caller's inbox. */
    readonly from: string,
    readonly contract: Contract,
    { meta, ttlMs }: RequestHead,
  ) {
    this.requestId = meta.requestId;
    if (tracer.isOn && meta.traceparent !== undefined)
      this.span = tracer.span(contract.pattern, 'server', meta.traceparent, { 'rpc.system.name': 'mcp-router-bus' });
    this.traceparent = this.span?.traceparent ?? meta.traceparent;
    this.principal = meta.principal;
    this.deadlineAt = this.startedAt + ttlMs;
    if (ttlMs <= LONGEST_TIMER_MS) this.timer = setTimeout(() => this.expire(), ttlMs);
  }

  /** What it is called where several callers are. */
  get key(): string {
    return `${this.from}/${this.id}`;
  }

  /** No further answer goes out. */
  isOver(): boolean {
    return this.over;
  }

  private get isHeld(): boolean {
    return this.held !== undefined;
  }

  get caller(): string {
    return this.from.slice(0, this.from.lastIndexOf('.'));
  }

  /** Made when a handler first asks for it: most do not. */
  get signal(): AbortSignal {
    if (!this.controller) {
      this.controller = new AbortController();
      if (this.reason) this.controller.abort(this.reason);
    }
    return this.controller.signal;
  }

  next(value: unknown): void {
    this.answer('V', value);
  }

  last(value: unknown): void {
    this.answer('Z', value);
  }

  error(thrown: unknown): void {
    this.server.reject(this, thrown);
  }

  complete(): void {
    this.reply(`D${this.id}`, true);
  }

  markEndless(): void {
    this.endless = true;
    if (this.server.isDraining) this.endIfEndless();
  }

  endIfEndless(): void {
    if (!this.endless || this.over) return;
    this.complete();
    this.abort(new AppError('cancelled', 'The service stops'));
  }

  fail(error: AppError): void {
    this.span?.end(error.code);
    this.reply(`E${this.id} ${JSON.stringify(error.toWire())}`, true);
  }

  /** Stops the work: nobody wants the answer any more. */
  abort(reason: AppError): void {
    this.reason ??= reason;
    this.span?.end(this.over ? undefined : reason.code);
    this.finish();
    this.controller?.abort(this.reason);
    this.subscription?.unsubscribe();
  }

  undelivered(): void {
    if (this.over) this.finish();
    else this.abort(new AppError('cancelled', 'The caller is gone'));
  }

  failed(): void {
    if (this.over) this.finish();
    else this.abort(new AppError('bus_unavailable', 'The answer could not be sent'));
  }

  delivered(): void {
    const frames = this.held ?? [];
    this.held = undefined;
    for (const frame of frames) this.pass(frame);
    if (this.over && !this.isHeld) this.finish();
  }

  private answer(kind: 'V' | 'Z', value: unknown): void {
    if (this.over) return;
    const body = encodeBody(value, this.contract.raw);
    if (exceeds(body, this.contract.maxBytes)) {
      this.subscription?.unsubscribe();
      return this.fail(tooLarge(this.contract.pattern, 'output', this.contract.maxBytes));
    }
    this.reply(`${kind}${this.id} ${body}`, kind === 'Z');
  }

  private reply(frame: string, last: boolean): void {
    if (this.over) return;
    if (last) this.over = true;
    this.pass(frame);
    if (last && !this.held) this.finish();
  }

  private pass(frame: string): void {
    if (this.held) {
      this.held.push(frame);
      return;
    }
    if (this.server.sendBack(this, frame)) this.held = [];
  }

  private expire(): void {
    const reason = new AppError('deadline_exceeded', `${this.contract.pattern}: not done in time`);
    this.fail(reason);
    this.abort(reason);
  }

  private finish(): void {
    this.over = true;
    this.span?.end();
    clearTimeout(this.timer);
    this.server.forget(this);
  }
}
