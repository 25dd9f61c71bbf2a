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
}

export const DEFAULT_TIMEOUT_MS = 10_000;

/** Declares a request with one answer, or with a stream of them (see `Bus.call` and `Bus.stream`). */
export function contract<I extends z.ZodType, O extends z.ZodType>(
  pattern: `${string}.${string}`,
  shapes: { input: I; output: O; timeoutMs?: number },
): Contract<I, O> {
  return { pattern, input: shapes.input, output: shapes.output, timeoutMs: shapes.timeoutMs ?? DEFAULT_TIMEOUT_MS };
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
export interface RecordStream<P extends z.ZodType = z.ZodType> {
  /** `owner.pastTense`; the owner consumes it. */
  readonly stream: `${string}.${string}`;
  readonly payload: P;
}

export function recordStream<P extends z.ZodType>(stream: `${string}.${string}`, payload: P): RecordStream<P> {
  return { stream, payload };
}
