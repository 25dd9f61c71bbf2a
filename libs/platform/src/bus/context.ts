import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import type { Principal } from '@mcp-router/shared';

/** What is known about the request that is being worked on: travels in the metadata of every frame. */
export interface BusContext {
  /** One id from the HTTP edge through every service that took part; in every log line. */
  readonly requestId: string;
  /** W3C Trace Context header, passed on unchanged. */
  readonly traceparent?: string | undefined;
  readonly principal?: Principal | undefined;
  /** Epoch milliseconds on this machine's clock after which nobody waits any more; `Infinity` for none. */
  readonly deadlineAt: number;
  /** Aborts when the caller cancels, is gone, or the deadline passes. Never on ordinary completion. */
  readonly signal: AbortSignal;
  /** Instance id of the process that asked, for example `gateway-3f2a91c0`; `edge` at the HTTP door. */
  readonly caller: string;
  /** Says that the answers have no end of their own: when the service stops they end at once instead of being waited for. */
  markEndless?(): void;
}

/** What an edge (HTTP request, schedule, job) must know to start a context; the rest has defaults. */
export type EdgeContext = { readonly [Field in keyof BusContext]?: BusContext[Field] | undefined };

/** Of contexts that nobody can cancel. */
export const NEVER = new AbortController().signal;
const storage = new AsyncLocalStorage<BusContext>();

/** The context of work that begins here. Without a deadline each call has only its contract's timeout. */
export function contextOf(edge: EdgeContext = {}): BusContext {
  return {
    requestId: edge.requestId ?? randomUUID(),
    traceparent: edge.traceparent,
    principal: edge.principal,
    deadlineAt: edge.deadlineAt ?? Infinity,
    signal: edge.signal ?? NEVER,
    caller: edge.caller ?? 'edge',
  };
}

/** The context of the request this code runs for; `undefined` outside of any. */
export function currentContext(): BusContext | undefined {
  return storage.getStore();
}

/** Runs `fn` so that it, and all it awaits, sees `context`: nested `bus.call`s and log lines carry it. */
export function runInContext<T>(context: BusContext, fn: () => T): T {
  return storage.run(context, fn);
}
