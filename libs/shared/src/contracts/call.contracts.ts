import { z } from 'zod';
import { Instant } from '../instant';
import { PageQuery, pageOf } from '../page';
import { contract, recordStream } from './contract';

/** How a call ended: `tool_error` is a result with `isError`, `denied` a tool that the agent may not use. */
export const CallOutcome = z.enum(['ok', 'tool_error', 'error', 'cancelled', 'denied']);
export type CallOutcome = z.infer<typeof CallOutcome>;

/**
 * What was decided before anything was sent to the server: `denied` is a tool that the agent may not use, `held` one
 * that waits for an administrator, `unknown` a name that nothing has, `limited` a call of an agent that was over its rate.
 */
export const CallDecision = z.enum(['allowed', 'denied', 'held', 'unknown', 'limited']);
export type CallDecision = z.infer<typeof CallDecision>;

/** One MCP or REST call of a tool (or another method), as the call log keeps it. Written by the router, consumed by the monitor. */
export const CallRecord = z
  .object({
    /** UUIDv7, made where the call is recorded: a record that is delivered twice is stored once. */
    id: z.string(),
    at: z.iso.datetime(),
    requestId: z.string(),
    traceId: z.string().optional(),
    agentId: z.string(),
    agent: z.string(),
    keyId: z.string().optional(),
    /** `/mcp`, `/mcp/{slug}`, `rest`, `workflow`. */
    endpoint: z.string(),
    method: z.string(),
    server: z.string().optional(),
    tool: z.string().optional(),
    /** SHA-256 of the arguments' text, hex. */
    argumentsHash: z.string().optional(),
    decision: CallDecision.default('allowed'),
    outcome: CallOutcome,
    errorCode: z.string().optional(),
    durationMs: z.number(),
    /** Time spent waiting for the upstream, in milliseconds. */
    upstreamMs: z.number().optional(),
    requestBytes: z.int(),
    responseBytes: z.int(),
  })
  .meta({ id: 'CallRecord' });
export type CallRecord = z.infer<typeof CallRecord>;

export const callRecorded = recordStream('monitor.callRecorded', CallRecord, { maxWaiting: 200_000, gatherMs: 50 });

/** What a call carried, without secrets and cut to a bounded size; only while the flag `CALL_BODIES` is on. */
export const CallBodies = z.object({
  /** Of the call. */
  id: z.string(),
  at: z.iso.datetime(),
  /** The arguments, JSON text. */
  request: z.string().optional(),
  /** The answer, JSON text. */
  response: z.string().optional(),
});
export type CallBodies = z.infer<typeof CallBodies>;

export const callBodiesRecorded = recordStream('monitor.callBodiesRecorded', CallBodies, {
  maxWaiting: 5_000,
  maxBytes: 80_000_000,
  gatherMs: 50,
});

/** The call log, newest first. */
export const listCalls = contract('monitor.listCalls', {
  input: PageQuery.extend({
    agent: z.string().max(64).optional(),
    server: z.string().max(64).optional(),
    tool: z.string().max(256).optional(),
    method: z.string().max(128).optional(),
    outcome: CallOutcome.optional(),
    decision: CallDecision.optional(),
    endpoint: z.string().max(128).optional(),
    keyId: z.string().max(64).optional(),
    argumentsHash: z.string().max(64).optional(),
    errorCode: z.string().max(64).optional(),
    minDurationMs: z.coerce.number().min(0).optional(),
    requestId: z.string().max(64).optional(),
    traceId: z.string().max(32).optional(),
    from: Instant.optional(),
    to: Instant.optional(),
  }),
  output: pageOf(CallRecord),
});
export type CallsQuery = z.output<typeof listCalls.input>;

export const CallDetails = z
  .object({ ...CallRecord.shape, ...CallBodies.pick({ request: true, response: true }).shape })
  .meta({ id: 'CallDetails' });
export type CallDetails = z.infer<typeof CallDetails>;

/** One call, with its bodies if they were kept. */
export const getCall = contract('monitor.getCall', {
  input: z.object({
    call: z.string().min(1).max(64),
    /** Only if it is of this agent. */ agent: z.string().optional(),
  }),
  output: CallDetails,
});
