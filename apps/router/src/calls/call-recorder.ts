import { hash, randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Bus, currentContext, metrics } from '@mcp-router/platform';
import { callRecorded, memberAt, SYSTEM_PRINCIPAL, type CallRecord, type Principal } from '@mcp-router/shared';

/** What the place that handled a call knows of it. */
export interface FinishedCall {
  endpoint: string;
  method: string;
  server?: string | undefined;
  /** Public name. */
  tool?: string | undefined;
  /** Of a tool call, JSON text. */
  argumentsText?: string | undefined;
  outcome: CallRecord['outcome'];
  errorCode?: string | undefined;
  /** `performance.now()` when it came in. */
  startedAt: number;
  upstreamMs?: number | undefined;
  requestBytes: number;
  responseBytes: number;
  /** Where the call has no bus context, or another one than that of its caller. */
  principal?: Principal | undefined;
  requestId?: string | undefined;
}

/** OpenTelemetry's `mcp.server.operation.duration`, what a caller waited for. */
const duration = metrics.histogram('mcp_server_operation_duration_seconds', 'Time from a request to its answer', [
  'mcp_method_name',
  'server',
  'gen_ai_tool_name',
  'agent',
  'error_type',
]);
const overhead = metrics.histogram(
  'mcp_router_overhead_seconds',
  'Time of a call that was not spent waiting for the server',
  ['server'],
);
const requestBytes = metrics.counter('mcp_router_request_bytes_total', 'Bytes of requests', ['server']);
const responseBytes = metrics.counter('mcp_router_response_bytes_total', 'Bytes of answers', ['server']);

function measure(call: FinishedCall, agent: string, durationMs: number): void {
  const { method, server = '', tool = '', outcome, errorCode = '' } = call;
  const errorType = outcome === 'ok' ? '' : outcome === 'tool_error' ? 'tool_error' : errorCode || outcome;
  duration.with(method, server, tool, agent, errorType).record(durationMs / 1000);
  if (call.upstreamMs !== undefined) overhead.with(server).record(Math.max(0, durationMs - call.upstreamMs) / 1000);
  requestBytes.with(server).add(call.requestBytes);
  responseBytes.with(server).add(call.responseBytes);
}

/** Writes the call log: one record a call, after the reply; and measures it. */
@Injectable()
export class CallRecorder {
  constructor(private readonly bus: Bus) {}

  record(call: FinishedCall): void {
    const context = currentContext();
    const { agentId, agent, keyId } = call.principal ?? context?.principal ?? SYSTEM_PRINCIPAL;
    const durationMs = performance.now() - call.startedAt;
    measure(call, agent, durationMs);
    const traceId = context?.traceparent?.split('-')[1];
    this.bus.record(callRecorded, {
      id: uuidV7(),
      at: new Date().toISOString(),
      requestId: call.requestId ?? context?.requestId ?? '',
      ...(traceId !== undefined && { traceId }),
      agentId,
      agent,
      ...(keyId !== undefined && { keyId }),
      endpoint: call.endpoint,
      method: call.method,
      ...(call.server !== undefined && { server: call.server }),
      ...(call.tool !== undefined && { tool: call.tool }),
      ...(call.argumentsText !== undefined && {
        argumentsHash: hash('sha256', call.argumentsText, 'hex'),
      }),
      outcome: call.outcome,
      ...(call.errorCode !== undefined && { errorCode: call.errorCode }),
      durationMs,
      ...(call.upstreamMs !== undefined && { upstreamMs: call.upstreamMs }),
      requestBytes: call.requestBytes,
      responseBytes: call.responseBytes,
    });
  }
}

/** A UUIDv7 whose random part comes from Node's pool of random bytes: this runs once a call. */
function uuidV7(): string {
  const time = Date.now().toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}

/** `tool_error` when a tool's result says `isError`, without reading the content. @param result JSON text */
export function outcomeOfResult(result: string): 'ok' | 'tool_error' {
  if (!result.includes('"isError"')) return 'ok';
  const member = memberAt(result, ['isError']);
  return member && result.startsWith('true', member.start) ? 'tool_error' : 'ok';
}
