import { AppError, type RpcText } from '@mcp-router/shared';
import type { Exchange, ServerHandle } from './upstream';

export interface CallLimits {
  callTimeoutMs: number;
  /** Bound of a call however much progress it reports. */
  totalTimeoutMs: number;
}

/** Why a call ended without the server's answer. */
export type Abandoned = 'cancelled' | 'timeout';

/**
 * One exchange in flight: its promise, its timers, and whether it waits for the client (parked).
 *
 * The call timeout measures the server's silence. It rests while the client owes the server an answer.
 */
export class PendingCall {
  readonly result: Promise<string>;
  readonly startedAt = performance.now();
  /** False for a subscription. */
  readonly isBounded: boolean;
  /** The caller's progress token, JSON text. */
  token: string | undefined;

  /** Server→client requests that the client has not answered, by their id as JSON text; most calls have none. */
  private questions: Set<string> | undefined;
  private resolve!: (response: string) => void;
  private reject!: (error: unknown) => void;
  private timer: NodeJS.Timeout | undefined;
  private heardAt = this.startedAt;
  private settled = false;
  private readonly onAbort = (): void => this.abandon('cancelled');

  /**
   * @param onAbandoned tells the server that nobody waits any more
   * @param onEnd       runs once, however the call ends
   */
  constructor(
    readonly exchange: Exchange,
    limits: CallLimits | undefined,
    private readonly onAbandoned: (why: Abandoned) => void,
    private readonly onEnd: () => void,
  ) {
    this.result = new Promise<string>((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.isBounded = limits !== undefined;
    if (limits) this.watch(exchange.timeoutMs ?? limits.callTimeoutMs, limits.totalTimeoutMs);
    if (exchange.signal.aborted) queueMicrotask(this.onAbort);
    else exchange.signal.addEventListener('abort', this.onAbort, { once: true });
  }

  /** Who waits for it, for comparison. */
  get caller(): string {
    return `${this.exchange.principal.agentId} ${this.exchange.sessionKey ?? ''}`;
  }

  get isParked(): boolean {
    return this.questions !== undefined && this.questions.size > 0;
  }

  /** Whether the client owes the server the answer to a request. */
  isAsked(id: string): boolean {
    return this.questions?.has(id) === true;
  }

  get isSettled(): boolean {
    return this.settled;
  }

  /** Gives the caller a notification, or a request whose answer goes to `send`. */
  deliver(message: RpcText, send: (text: string) => void): void {
    if (this.settled) return;
    this.heardAt = performance.now();
    const { id, kind } = message;
    if (kind === 'request' && id !== undefined) (this.questions ??= new Set()).add(id);
    this.exchange.onMessage?.(message, this.handle(id, send));
  }

  private handle(id: string | undefined, send: (text: string) => void): ServerHandle {
    return {
      respond: (response) => {
        if (id === undefined || this.questions?.delete(id) !== true) return;
        this.heardAt = performance.now();
        send(response);
      },
      notify: send,
    };
  }

  /** One timer for both bounds: what happened meanwhile is looked at when it fires. */
  private watch(callTimeoutMs: number, totalTimeoutMs: number): void {
    const check = (): void => {
      const now = performance.now();
      const silenceLeft = this.isParked ? callTimeoutMs : this.heardAt + callTimeoutMs - now;
      const left = Math.min(silenceLeft, this.startedAt + Math.max(totalTimeoutMs, callTimeoutMs) - now);
      if (left < 1) this.abandon('timeout');
      else this.timer = setTimeout(check, left);
    };
    this.timer = setTimeout(check, callTimeoutMs);
  }

  /** The server took back a request of its own. */
  withdraw(id: string): void {
    this.questions?.delete(id);
  }

  settle(response: string): void {
    if (this.end()) this.resolve(response);
  }

  fail(error: unknown): void {
    if (this.end()) this.reject(error);
  }

  private abandon(why: Abandoned): void {
    if (!this.end()) return;
    this.onAbandoned(why);
    this.reject(
      why === 'cancelled'
        ? new AppError('cancelled', 'The call was cancelled')
        : new AppError(
            'upstream_timeout',
            `The server did not answer "${this.exchange.message.method ?? ''}" within ${Math.round(performance.now() - this.startedAt)} ms`,
          ),
    );
  }

  private end(): boolean {
    if (this.settled) return false;
    this.settled = true;
    clearTimeout(this.timer);
    this.exchange.signal.removeEventListener('abort', this.onAbort);
    this.onEnd();
    return true;
  }
}
