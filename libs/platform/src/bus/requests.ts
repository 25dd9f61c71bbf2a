import { AppError, type Contract, type ErrorCode, type WireError } from '@mcp-router/shared';
import type { Answers, CallOptions } from './bus';
import { InFlight } from '../in-flight';
import { contextOf, currentContext, NEVER, type BusContext } from './context';
import type { RedisLink } from './link';
import type { Receipt } from './publish';
import type { LiveSet } from './live-set';
import { Standstill } from './standstill';
import type { Transfers } from './transfers';
import { decodeBody, encodeBody, encodeMeta, encodeRequest, exceeds, tooLarge } from './wire';

/** How often the instances with open requests are checked for being there. */
const WATCH_MS = 500;
/** An instance that has not answered for so long hangs, or its machine is gone. */
const HUNG_AFTER_MS = 3_500;
/** The first time an instance is asked whether it knows a silent request, and the longest pause between two times. */
const FIRST_PROBE_MS = 1_000;
const LONGEST_PROBE_MS = 10_000;
const LONGEST_TIMER_MS = 2_147_483_647;

/** A request of this process that has not ended. */
class OpenRequest implements Receipt {
  instance = '';
  /** Instances that did not take it. */
  tried: Set<string> | undefined;
  refreshed = false;
  timer: NodeJS.Timeout | undefined;
  /** The requests that the same signals cancel. */
  waitingOn: InFlight<number, OpenRequest>[] | undefined;
  probeAt = 0;
  probeMs = FIRST_PROBE_MS;

  constructor(
    private readonly owner: Requests,
    readonly id: number,
    readonly contract: Contract,
    readonly app: string,
    readonly answers: Answers,
    readonly fixed: string | undefined,
    readonly deadlineAt: number,
  ) {}

  frame = '';

  undelivered(): void {
    this.owner.elsewhere(this);
  }

  failed(): void {
    this.owner.fail(this, 'bus_unavailable', 'The connection to the message bus broke while the request was sent');
  }
}

/** The requests that this process has sent: picks a replica for each, and sees to it that every one ends. */
export class Requests {
  private readonly open = new InFlight<number, OpenRequest>();
  /** Channels of instances that were asked whether they are there, and when the first question without an answer was. */
  private readonly silentSince = new Map<string, number>();
  private readonly bySignal = new WeakMap<AbortSignal, InFlight<number, OpenRequest>>();
  private lastId = 0;
  private readonly standstill = new Standstill(WATCH_MS);
  private watcher: NodeJS.Timeout | undefined;

  constructor(
    private readonly link: RedisLink,
    private readonly transfers: Transfers,
    private readonly live: LiveSet,
  ) {
    link.on('V', (frame) => this.answer(frame, false));
    link.on('Z', (frame) => this.answer(frame, true));
    link.on('D', (frame) => this.finish(this.open.get(Number(frame.slice(1))))?.answers.complete());
    link.on('E', (frame) => this.reject(frame));
    link.on('X', (frame) => this.refused(Number(frame.slice(1))));
    link.on('U', (frame) => this.probed(frame));
    link.onDown(() =>
      this.failAll('bus_unavailable', 'The connection to the message bus broke; the outcome is unknown'),
    );
  }

  /** Sends a request. @returns a function that cancels it; without effect once it has ended */
  send(contract: Contract, input: unknown, options: CallOptions, answers: Answers): () => void {
    const context = contextFor(options);
    const now = Date.now();
    const deadlineAt = Math.min(now + (options.timeoutMs ?? contract.timeoutMs), context?.deadlineAt ?? Infinity);
    const app = contract.pattern.slice(0, contract.pattern.indexOf('.'));
    const request = new OpenRequest(this, ++this.lastId, contract, app, answers, options.instance, deadlineAt);
    const refusal = this.prepare(request, input, context, now, options.signal);
    if (refusal) {
      answers.error(refusal);
      return () => undefined;
    }
    this.dispatch(request);
    return () => this.cancel(request);
  }

  /** The request could not be delivered to the instance chosen and was not handled there: asks the next. */
  elsewhere(request: OpenRequest): void {
    if (!this.open.has(request.id)) return;
    this.live.weigh(request.app, request.instance, -1);
    this.live.forget(request.app, request.instance);
    (request.tried ??= new Set()).add(request.instance);
    request.instance = '';
    if (request.fixed !== undefined) this.fail(request, 'no_instance', `The instance ${request.fixed} is gone`);
    else this.dispatch(request);
  }

  fail(request: OpenRequest, code: ErrorCode, detail: string): void {
    this.finish(request)?.answers.error(new AppError(code, `${request.contract.pattern}: ${detail}`));
  }

  failAll(code: ErrorCode, detail: string): void {
    for (const request of this.open.values()) this.fail(request, code, detail);
  }

  stop(): void {
    clearInterval(this.watcher);
    this.failAll('bus_unavailable', 'This process is shutting down');
  }

  private prepare(
    request: OpenRequest,
    input: unknown,
    context: BusContext | undefined,
    now: number,
    signal: AbortSignal | undefined,
  ): AppError | undefined {
    const { contract, deadlineAt } = request;
    if (!this.link.isUp) return new AppError('bus_unavailable', 'The message bus is not reachable');
    if (deadlineAt <= now) return new AppError('deadline_exceeded', `${contract.pattern}: the deadline has passed`);
    const signals = [signal, context?.signal].filter((one) => one !== undefined && one !== NEVER) as AbortSignal[];
    const aborted = signals.find((one) => one.aborted);
    if (aborted) return abortReason(aborted);
    const body = encodeBody(input, contract.raw);
    if (exceeds(body, contract.maxBytes)) return tooLarge(contract.pattern, 'input', contract.maxBytes);

    const meta = encodeMeta(context ?? { requestId: crypto.randomUUID() });
    request.frame = encodeRequest(request.id, this.link.address, deadlineAt - now, contract.pattern, meta, body);
    this.open.set(request.id, request);
    this.watcher ??= setInterval(() => this.watch(), WATCH_MS).unref();
    request.probeAt = now + FIRST_PROBE_MS;
    if (deadlineAt - now <= LONGEST_TIMER_MS) request.timer = setTimeout(() => this.expire(request), deadlineAt - now);
    for (const one of signals) this.listen(request, one);
    return undefined;
  }

  /** One listener a signal, however many requests hang on it: a handler may make hundreds at once. */
  private listen(request: OpenRequest, signal: AbortSignal): void {
    let waiting = this.bySignal.get(signal);
    if (!waiting) {
      const requests = (waiting = new InFlight<number, OpenRequest>());
      this.bySignal.set(signal, requests);
      const abort = () => requests.values().forEach((one) => this.cancel(one, abortReason(signal)));
      signal.addEventListener('abort', abort, { once: true });
    }
    waiting.set(request.id, request);
    (request.waitingOn ??= []).push(waiting);
  }

  private dispatch(request: OpenRequest): void {
    const instance = request.fixed ?? this.live.pick(request.app, request.tried);
    if (instance === undefined) {
      if (request.refreshed) return this.fail(request, 'no_instance', `No instance of "${request.app}" is listening`);
      request.refreshed = true;
      void this.live.refresh(request.app).then(() => {
        if (this.open.has(request.id)) this.dispatch(request);
      });
      return;
    }
    request.instance = instance;
    this.live.weigh(request.app, instance, 1);
    const channel = this.link.rpcChannel(request.app, instance);
    if (this.transfers.isLarge(request.frame))
      this.transfers.send(channel, request.frame, this.subjectOf(request), this.link.inbox(this.link.address), request);
    else this.link.send(channel, request.frame, request);
  }

  /** What this request is called while it travels in chunks. */
  private subjectOf({ id }: OpenRequest): string {
    return `${this.link.address}/${id}`;
  }

  private answer(frame: string, last: boolean): void {
    const space = frame.indexOf(' ');
    const id = Number(frame.slice(1, space < 0 ? undefined : space));
    const request = this.open.get(id);
    if (!request) return;
    let value: unknown;
    try {
      value = decodeBody(frame, space < 0 ? frame.length : space + 1, request.contract.raw);
    } catch {
      return this.fail(request, 'internal', 'the answer could not be read');
    }
    if (last) this.finish(request);
    request.answers.next(value);
    if (last) request.answers.complete();
  }

  private reject(frame: string): void {
    const space = frame.indexOf(' ');
    const error = AppError.fromWire(JSON.parse(frame.slice(space + 1)) as WireError);
    this.finish(this.open.get(Number(frame.slice(1, space))))?.answers.error(error);
  }

  private refused(id: number): void {
    const request = this.open.get(id);
    if (request) this.elsewhere(request);
  }

  private probed(frame: string): void {
    const space = frame.indexOf(' ');
    this.silentSince.delete(frame.slice(1, space));
    for (const id of frame.slice(space + 1).split(',')) {
      const request = id === '' ? undefined : this.open.get(Number(id));
      if (request) this.fail(request, 'instance_lost', 'The request or its answer was lost; the outcome is unknown');
    }
  }

  private expire(request: OpenRequest): void {
    this.cancel(request, new AppError('deadline_exceeded', `${request.contract.pattern}: no answer in time`));
  }

  private cancel(request: OpenRequest, error?: AppError): void {
    if (!this.finish(request)) return;
    if (request.instance !== '')
      this.link.send(this.link.rpcChannel(request.app, request.instance), `C${request.id} ${this.link.address}`);
    if (error) request.answers.error(error);
  }

  private finish(request: OpenRequest | undefined): OpenRequest | undefined {
    if (!request || !this.open.delete(request.id)) return undefined;
    clearTimeout(request.timer);
    request.waitingOn?.forEach((requests) => requests.delete(request.id));
    if (request.instance !== '') this.live.weigh(request.app, request.instance, -1);
    return request;
  }

  private lose(app: string, instance: string): void {
    for (const request of this.open.values())
      if (request.app === app && request.instance === instance)
        this.fail(
          request,
          'instance_lost',
          `The instance ${instance} died while it worked on this; the outcome is unknown`,
        );
  }

  /**
   * Asks each instance with open requests whether it is there, and about those that have been silent for a while. A
   * replica that was killed is not subscribed any more; one that hangs does not answer; a request or an answer that
   * got lost is not known there.
   */
  private watch(): void {
    const now = Date.now();
    const stoodStill = this.standstill.since(now);
    for (const [channel, since] of this.silentSince) this.silentSince.set(channel, since + stoodStill);
    const silent = new Map<string, { app: string; instance: string; ids: number[] }>();
    if (!this.link.isUp) return;
    for (const request of this.open.values()) {
      if (request.instance === '') continue;
      const channel = this.link.rpcChannel(request.app, request.instance);
      let asked = silent.get(channel);
      if (!asked) silent.set(channel, (asked = { app: request.app, instance: request.instance, ids: [] }));
      if (request.probeAt > now || this.transfers.isGoing(this.subjectOf(request))) continue;
      request.probeMs = Math.min(2 * request.probeMs, LONGEST_PROBE_MS);
      request.probeAt = now + request.probeMs;
      asked.ids.push(request.id);
    }
    for (const instance of this.silentSince.keys()) if (!silent.has(instance)) this.silentSince.delete(instance);
    for (const [channel, { app, instance, ids }] of silent) {
      const since = this.silentSince.get(channel);
      if (since === undefined) this.silentSince.set(channel, now);
      else if (now - since > HUNG_AFTER_MS) this.lose(app, instance);
      // An instance that stopped in good order has answered before: the answers that wait in the socket are read first.
      const lost = { undelivered: () => setImmediate(() => this.lose(app, instance)), failed: () => undefined };
      this.link.send(channel, `P${this.link.address} ${ids.join(',')}`, lost);
    }
  }
}

function contextFor({ context }: CallOptions): BusContext | undefined {
  const current = currentContext();
  if (!context) return current;
  // Field by field: the context of a served request has its signal behind a getter, which a spread would lose.
  return contextOf({
    requestId: context.requestId ?? current?.requestId,
    traceparent: context.traceparent ?? current?.traceparent,
    principal: context.principal ?? current?.principal,
    deadlineAt: context.deadlineAt ?? current?.deadlineAt,
    signal: context.signal ?? current?.signal,
  });
}

/** Why a signal was aborted, when it is known (a deadline); else that it was. */
function abortReason(signal: AbortSignal): AppError {
  return signal.reason instanceof AppError ? signal.reason : new AppError('cancelled', 'The request was cancelled');
}
