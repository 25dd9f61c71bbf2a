import type { AppError, Broadcast, Contract, RecordStream } from '@mcp-router/shared';
import { Observable } from 'rxjs';
import type { z } from 'zod';
import type { EdgeContext } from './context';

export interface CallOptions {
  /** Asks this replica and no other (the owner of a session); `no_instance` when it is gone. */
  instance?: string | undefined;
  /** Cancels the request: the caller gets `cancelled`, the handler's signal aborts. */
  signal?: AbortSignal | undefined;
  /** Overrides the contract's. The current context's deadline still holds when it is nearer. */
  timeoutMs?: number | undefined;
  /** Fields that replace those of the current context for this call. */
  context?: EdgeContext | undefined;
}

/** Where the answers to one request go. After `complete` or `error` nothing comes. */
export interface Answers<T = unknown> {
  next(value: T): void;
  complete(): void;
  error(error: AppError): void;
}

/** One entry of a record stream; `id` grows with time and is the same when the entry is delivered again. */
export interface RecordEntry<T> {
  readonly id: string;
  readonly payload: T;
}

export interface ConsumeOptions {
  /** Most entries given to the handler at once; 1 to 500, default 500. */
  batchSize?: number;
  /**
   * How long entries may gather after a batch that was not full, in milliseconds; default 0. What is not urgent costs
   * the database far less in few large batches.
   */
  lingerMs?: number;
  /** How often an entry may fail before it goes to the dead-letter stream; default 5. */
  maxTries?: number;
  /** After how long the entries of a consumer that stopped working are taken over; default 30 s. */
  claimAfterMs?: number;
}

/** Ends a subscription; resolves when the handler is not running any more. */
export type Stop = () => Promise<void>;

/**
 * How services speak to each other. The class is abstract so that it is the injection token of both the Redis bus and
 * the in-memory one of unit tests.
 */
export abstract class Bus {
  /** Id of this process on the bus, unique among all running ones. */
  abstract readonly instanceId: string;

  /** Whether requests can be sent now; false while Redis is not reachable. */
  abstract readonly isReady: boolean;

  /** Records lost since the start because Redis was away longer than the buffer reaches. */
  abstract readonly recordsDropped: number;

  /**
   * Asks one replica of the contract's owner and gives its (first) answer. Delivery is at most once.
   *
   * @throws AppError what the handler threw, or `no_instance` (nobody listens), `instance_lost` (it died; the outcome
   * is unknown), `deadline_exceeded`, `cancelled`, `payload_too_large`, `invalid_request`, `bus_unavailable`
   */
  abstract call<I extends z.ZodType, O extends z.ZodType>(
    contract: Contract<I, O>,
    input: z.input<I>,
    options?: CallOptions,
  ): Promise<z.output<O>>;

  /**
   * Like `call`, with every answer in order, and begun at once. `answers` may hear of a refusal before this returns.
   *
   * @returns a function that cancels the handler; without effect once the request has ended
   */
  abstract ask<I extends z.ZodType, O extends z.ZodType>(
    contract: Contract<I, O>,
    input: z.input<I>,
    answers: Answers<z.output<O>>,
    options?: CallOptions,
  ): () => void;

  /** `ask` as an Observable: asks anew for each subscriber; unsubscribing cancels the handler. */
  stream<I extends z.ZodType, O extends z.ZodType>(
    contract: Contract<I, O>,
    input: z.input<I>,
    options?: CallOptions,
  ): Observable<z.output<O>> {
    return new Observable((subscriber) => this.ask(contract, input, subscriber, options));
  }

  /** Replicas of an app that are alive, as known to this process: at most a second old. */
  abstract instances(app: string): string[];

  /** Tells every replica of every app, this one included. Lost to those that are not connected now. */
  abstract broadcast<P extends z.ZodType>(event: Broadcast<P>, payload: z.input<P>): Promise<void>;

  /** Hears a broadcast. @returns a function that ends it */
  abstract listen<P extends z.ZodType>(event: Broadcast<P>, handler: (payload: z.output<P>) => void): () => void;

  /** Called whenever the connection is back after a loss: broadcasts may have been missed, so caches are stale. */
  abstract onResume(handler: () => void): () => void;

  /** Appends to a stream soon: never waits, never throws. What cannot be written is counted in `recordsDropped`. */
  abstract record<P extends z.ZodObject>(stream: RecordStream<P>, payload: z.input<P>): void;

  /**
   * Handles records, each by one consumer of the group, at least once: those of a batch whose handler threw come again
   * and go to the stream's dead letters after `maxTries`; failures of the infrastructure (status 503) are not counted.
   */
  abstract consume<P extends z.ZodObject>(
    stream: RecordStream<P>,
    group: string,
    handler: (entries: RecordEntry<z.output<P>>[]) => Promise<void>,
    options?: ConsumeOptions,
  ): Stop;
}
