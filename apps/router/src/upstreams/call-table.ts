import { InFlight } from '@mcp-router/platform';
import { AppError, readRpc, type RpcText } from '@mcp-router/shared';
import { ConnectionLost, type OnStray } from './connection';
import {
  cancelledIdOf,
  errorText,
  progressTokenOf,
  readIncoming,
  relatedTaskOf,
  restoreId,
  stringAt,
  subscriptionIdOf,
  withOwnId,
  withProgressToken,
  withSubscriptionId,
} from './message';
import { PendingCall, type Abandoned, type CallLimits } from './pending-call';
import { TaskTokens, type TaskToken } from './task-tokens';
import type { Exchange } from './upstream';

type Key = number | string;
type Send = (text: string) => void;

export interface OpenCall {
  call: PendingCall;
  /** The id on the wire, JSON text. */
  id: string;
  /** The request with that id. */
  text: string;
}

/** Notifications that belong to the call that caused them, where one can be told. */
const OF_A_CALL = new Set(['notifications/message']);

/** The calls in flight on one connection, and which of them an incoming message belongs to. */
export class CallTable {
  private readonly calls = new InFlight<Key, PendingCall>();
  private readonly tokens = new TaskTokens();
  private nextId = 1;

  constructor(
    private readonly limits: CallLimits,
    private readonly onStray: OnStray,
  ) {}

  get size(): number {
    return this.calls.size;
  }

  open(exchange: Exchange, bounded: boolean, onAbandoned: (id: string, why: Abandoned) => void): OpenCall {
    const number = this.nextId++;
    // The SDKs key subscriptions by strings.
    const key = bounded ? number : `s${number}`;
    const id = bounded ? String(number) : `"s${number}"`;
    const call = new PendingCall(
      exchange,
      bounded ? this.limits : undefined,
      (why) => onAbandoned(id, why),
      () => this.calls.delete(key),
    );
    const { text, token } = withOwnId(exchange.message, id);
    call.token = token;
    this.calls.set(key, call);
    return { call, id, text };
  }

  failAll(error: unknown): void {
    for (const call of this.calls.values()) call.fail(error);
  }

  /**
   * Takes one message of the server.
   *
   * @param text a complete message
   * @param send the way back
   * @param own  the call on whose own stream it came, if the transport knows
   * @throws SyntaxError or AppError when it is no JSON-RPC message
   */
  receive(text: string, send: Send, own?: PendingCall): void {
    const incoming = readIncoming(text);
    if (incoming.kind === 'message') return this.route(incoming.rpc, send, own);
    const key = incoming.id as Key;
    const call = this.at(key);
    const id = call?.exchange.message.id;
    if (!call || id === undefined) return;
    if (call.token !== undefined || this.tokens.size > 0) this.tokens.answered(key as number, call, text);
    const restored = restoreId(text, JSON.stringify(key), id);
    call.settle(typeof key === 'string' ? withSubscriptionId(readRpc(restored), id).text : restored);
  }

  private route(message: RpcText, send: Send, own: PendingCall | undefined): void {
    switch (message.method) {
      case 'ping':
        if (message.id !== undefined) send(`{"jsonrpc":"2.0","id":${message.id},"result":{}}`);
        return;
      case 'notifications/progress': {
        const token = progressTokenOf(message);
        const call = this.find(token);
        if (call?.token !== undefined) return call.deliver(withProgressToken(message, call.token), send);
        const task = token === undefined ? undefined : this.tokens.of(JSON.parse(token));
        if (task) this.routeToTask(withProgressToken(message, task.token), send, task.taskId, task);
        return;
      }
      case 'notifications/tasks/status':
        this.tokens.told(message);
        return this.routeByCause(message, send, own);
      case 'notifications/cancelled':
        return this.routeCancelled(message, send);
      default:
    }
    const subscription = subscriptionIdOf(message);
    if (subscription !== undefined) {
      const call = this.find(subscription);
      const id = call?.exchange.message.id;
      if (call && id !== undefined) call.deliver(withSubscriptionId(message, id), send);
    } else this.routeByCause(message, send, own);
  }

  private routeByCause(message: RpcText, send: Send, own: PendingCall | undefined): void {
    const isOfCall = message.kind === 'request' || OF_A_CALL.has(message.method ?? '');
    const taskId = isOfCall ? relatedTaskOf(message) : undefined;
    const about = own && taskIn(own.exchange.message);
    // A server may send what concerns one task along with the answer to a question about another.
    const isOwn = own !== undefined && (taskId === undefined || about === undefined || about === taskId);
    if (isOwn || taskId === undefined) this.deliver(message, send, own ?? this.causeOf(message));
    else this.routeToTask(message, send, taskId);
  }

  /**
   * What belongs to a task goes to the call that waits for its result, else to whoever knows who made the task; a task
   * that nobody knows may be one that a call is just making.
   *
   * @param made set for progress: nobody else knows the token
   */
  private routeToTask(message: RpcText, send: Send, taskId: string, made?: TaskToken): void {
    const waiting = this.waitingFor(taskId, made);
    if (waiting) return waiting.deliver(message, send);
    // It may come together with the answer that made the task, which is taken note of first.
    setImmediate(() => {
      const late = this.waitingFor(taskId, made);
      if (late) late.deliver(message, send);
      else if (!this.onStray(message, send, taskId)) this.deliver(message, send, this.causeOf(message));
    });
  }

  private waitingFor(taskId: string, made: TaskToken | undefined): PendingCall | undefined {
    const isWaiting = ({ exchange, caller }: PendingCall): boolean =>
      exchange.message.method === 'tasks/result' &&
      exchange.onMessage !== undefined &&
      taskIn(exchange.message) === taskId &&
      (made === undefined || made.caller === caller);
    return this.calls.values().findLast(isWaiting);
  }

  private deliver(message: RpcText, send: Send, cause: PendingCall | 'ambiguous' | undefined): void {
    if (cause === undefined || (cause !== 'ambiguous' && !cause.exchange.onMessage)) return this.stray(message, send);
    if (cause !== 'ambiguous') return cause.deliver(message, send);
    const refusal = new AppError(
      'conflict',
      'Several callers share this connection, so the request cannot be given to the right one',
      { hint: 'Set "isolation" of this server to "session" or "agent"' },
    );
    if (message.id !== undefined) send(errorText(message.id, refusal.toJsonRpc()));
  }

  private stray(message: RpcText, send: Send): void {
    if (this.onStray(message, send) || message.kind !== 'request' || message.id === undefined) return;
    send(errorText(message.id, { code: -32601, message: `Nobody is there to answer "${message.method ?? ''}"` }));
  }

  /**
   * The call that caused a message where the protocol does not say.
   *
   * One call that is not parked: that one. Several of one caller: the latest. Several callers: `ambiguous` for a
   * request (a wrong guess would show one caller's question to another), no one for a notification.
   */
  private causeOf(message: RpcText): PendingCall | 'ambiguous' | undefined {
    const isRequest = message.kind === 'request';
    if (!isRequest && !OF_A_CALL.has(message.method ?? '')) return undefined;
    const candidates = this.calls.values().filter(mayCause);
    const active = candidates.filter((call) => !call.isParked);
    const pool = active.length > 0 ? active : candidates;
    const latest = pool.at(-1);
    if (!latest || pool.every((call) => call.caller === latest.caller)) return latest;
    return isRequest ? 'ambiguous' : undefined;
  }

  /** The server takes back a request of its own, or ends a subscription. */
  private routeCancelled(message: RpcText, send: Send): void {
    const id = cancelledIdOf(message);
    const ended = this.find(id);
    if (ended && !ended.isBounded) return ended.fail(new ConnectionLost('The server ended the subscription', true));
    for (const call of this.calls.values()) {
      if (id === undefined || !call.isAsked(id)) continue;
      call.withdraw(id);
      return call.deliver(message, send);
    }
    this.stray(message, send);
  }

  /** The call with an id that a server wrote: `"7"` is not 7. */
  private at(id: unknown): PendingCall | undefined {
    return typeof id === 'number' || (typeof id === 'string' && id.startsWith('s')) ? this.calls.get(id) : undefined;
  }

  private find(id: string | undefined): PendingCall | undefined {
    return id === undefined ? undefined : this.at(JSON.parse(id));
  }
}

/** Lists and probes of the router itself, and subscriptions, make no server ask anything. */
function mayCause({ exchange, isBounded }: PendingCall): boolean {
  return isBounded && (exchange.onMessage !== undefined || exchange.message.method === 'tools/call');
}

/** The task of 2025-11-25 that a call is about. */
function taskIn({ method, text, params }: RpcText): string | undefined {
  return params && method?.startsWith('tasks/') === true ? stringAt(text, ['taskId'], params.start) : undefined;
}
