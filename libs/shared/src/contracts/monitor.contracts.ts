import { z } from 'zod';
import { recordStream } from './contract';

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
    outcome: z.enum(['ok', 'tool_error', 'error', 'cancelled', 'denied']),
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
