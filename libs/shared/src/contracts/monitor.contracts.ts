import { z } from 'zod';
import { PageQuery, pageOf } from '../page';
import { contract, recordStream } from './contract';

/** How a call ended: `tool_error` is a result with `isError`, `denied` a tool that the agent may not use. */
export const CallOutcome = z.enum(['ok', 'tool_error', 'error', 'cancelled', 'denied']);

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

export const callRecorded = recordStream('monitor.callRecorded', CallRecord);

/** The call log, newest first. */
export const listCalls = contract('monitor.listCalls', {
  input: PageQuery.extend({
    agent: z.string().max(64).optional(),
    server: z.string().max(64).optional(),
    tool: z.string().max(256).optional(),
    method: z.string().max(128).optional(),
    outcome: CallOutcome.optional(),
    requestId: z.string().max(64).optional(),
    traceId: z.string().max(32).optional(),
    from: z.iso.datetime({ offset: true }).optional(),
    to: z.iso.datetime({ offset: true }).optional(),
  }),
  output: pageOf(CallRecord),
});
export type CallsQuery = z.output<typeof listCalls.input>;
