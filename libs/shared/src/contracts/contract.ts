import type { z } from 'zod';

/*
 * Rules of every message between two services:
 * 1. A contract has one owner: the app that answers. The pattern's first word is that app.
 * 2. The receiver validates the input; the caller trusts the owner's types and ignores fields it does not know.
 * 3. Contracts change by adding: apps are deployed one by one. A new input field is optional for one release.
 * 4. Wire objects are JSON: ISO strings for instants, no `Date`, no `undefined`, no classes.
 * 5. A test boots each app and checks that its handlers are exactly its contracts.
 */

/** One request between two services: the only place its name and both its shapes are written. */
export interface Contract<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> {
  /** `owner.verbNoun`; the part before the dot is the app that answers. */
  readonly pattern: `${string}.${string}`;
  readonly input: I;
  readonly output: O;
  /** How long the caller waits for the (last) reply, in milliseconds; carried as a deadline in the frame. */
  readonly timeoutMs: number;
  /**
   * A top-level string field of the input and of the output that travels as plain text behind the JSON of the rest:
   * the bus neither escapes nor parses it. Absent in a value, it is absent on the other side.
   */
  readonly raw: string | undefined;
  /** Largest encoded input or output in bytes; the sender refuses a larger one with `payload_too_large`. */
  readonly maxBytes: number;
  /** Taken by an instance that stops, too, for as long as it still finishes what it began. */
  readonly whileDraining: boolean;
}

export const DEFAULT_TIMEOUT_MS = 10_000;
export const DEFAULT_MAX_BYTES = 1_048_576;

/** Names of fields that both the input and the output have. */
type SharedField<I extends z.ZodType, O extends z.ZodType> = Extract<keyof z.output<I> & keyof z.output<O>, string>;

export interface ContractShapes<I extends z.ZodType, O extends z.ZodType> {
  input: I;
  output: O;
  /** Default 10 s. `Infinity` for a stream without an end. */
  timeoutMs?: number;
  raw?: SharedField<I, O>;
  /** Default 1 MiB. What is larger than 256 KiB travels in chunks, with backpressure. */
  maxBytes?: number;
  /** For what helps a request to its end that is being worked on there; the caller names the instance. */
  whileDraining?: boolean;
}

/** Declares a request with one answer, or with a stream of them (see `Bus.call` and `Bus.stream`). */
export function contract<I extends z.ZodType, O extends z.ZodType>(
  pattern: `${string}.${string}`,
  shapes: ContractShapes<I, O>,
): Contract<I, O> {
  return {
    pattern,
    input: shapes.input,
    output: shapes.output,
    timeoutMs: shapes.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    raw: shapes.raw,
    maxBytes: shapes.maxBytes ?? DEFAULT_MAX_BYTES,
    whileDraining: shapes.whileDraining ?? false,
  };
}

/** Something that happened, told to every replica of every app that listens (`Bus.broadcast`); lost if nobody does. */
export interface Broadcast<P extends z.ZodType = z.ZodType> {
  /** `owner.pastTense`, for example `router.catalogueChanged`. */
  readonly event: `${string}.${string}`;
  readonly payload: P;
}

export function broadcast<P extends z.ZodType>(event: `${string}.${string}`, payload: P): Broadcast<P> {
  return { event, payload };
}

/** A fact that must be handled once by one replica (`Bus.record`): kept in a Redis Stream until a consumer took it. */
export interface RecordStream<P extends z.ZodObject = z.ZodObject> {
  /** `owner.pastTense`; the owner consumes it. */
  readonly stream: `${string}.${string}`;
  readonly payload: P;
  /**
   * Entries that wait for a consumer at most; past them the oldest go. What all consumers have taken is removed before. What
   * a writer gathered in a moment is one entry.
   */
  readonly maxWaiting: number;
  /** What the entries that wait may take of Redis' memory, within a second of writing. */
  readonly maxBytes: number;
  /**
   * Milliseconds in which a writer gathers entries: few large writes cost a tenth of many small ones. It is what a process
   * that is killed takes with it, and how far the entries of two writers may be out of order.
   */
  readonly gatherMs: number;
}

const DEFAULT_MAX_WAITING = 100_000;
const DEFAULT_GATHER_MS = 5;
/** A record of a call has about 500 characters. */
const MEAN_RECORD_BYTES = 600;

export function recordStream<P extends z.ZodObject>(
  stream: `${string}.${string}`,
  payload: P,
  { maxWaiting = DEFAULT_MAX_WAITING, maxBytes, gatherMs = DEFAULT_GATHER_MS }: StreamLimits = {},
): RecordStream<P> {
  return { stream, payload, maxWaiting, maxBytes: maxBytes ?? maxWaiting * MEAN_RECORD_BYTES, gatherMs };
}

type StreamLimits = Partial<Pick<RecordStream, 'maxWaiting' | 'maxBytes' | 'gatherMs'>>;
