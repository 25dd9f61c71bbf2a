import { broadcast, contract, recordStream } from '@mcp-router/shared';
import { z } from 'zod';

/** What the replicas of the bus tests answer. */
export const echo = contract('echoer.echo', {
  input: z.object({
    text: z.string().max(2_000_000),
    delayMs: z.int().min(0).optional(),
    /** Counted in Redis when the handler begins, under this name. */
    mark: z.string().optional(),
    fail: z.enum(['app', 'unknown']).optional(),
  }),
  output: z.object({ text: z.string(), by: z.string() }),
});

/** The numbers below `to`; all at once, or one every `everyMs`. */
export const count = contract('echoer.count', {
  input: z.object({
    to: z.int(),
    everyMs: z.int().optional(),
    mark: z.string().optional(),
    /** The handler says that the stream has no end of its own. */
    endless: z.boolean().optional(),
  }),
  output: z.object({ n: z.int() }),
});

/** Answers with its own body, `copies` times. */
export const exchange = contract('echoer.exchange', {
  input: z.object({ kind: z.string(), copies: z.int().optional(), body: z.string().optional() }),
  output: z.object({ kind: z.string(), body: z.string().optional() }),
  raw: 'body',
  maxBytes: 64 * 1_048_576,
});

/** Asks `echo` from within a handler and tells what its context and the nested one's were. */
export const relay = contract('echoer.relay', {
  input: z.object({
    depth: z.int(),
    delayMs: z.int().optional(),
    mark: z.string().optional(),
    /** The replica that the deepest handler asks. */
    to: z.string().optional(),
  }),
  output: z.object({ requestIds: z.array(z.string()), callers: z.array(z.string()), agent: z.string().optional() }),
});

export const nobody = contract('absent.call', { input: z.object({}), output: z.object({}) });
export const rung = broadcast('echoer.rung', z.object({ text: z.string() }));
export const noted = recordStream('echoer.noted', z.object({ n: z.int() }));
