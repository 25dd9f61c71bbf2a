import { hash, randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Bus, currentContext, isFeatureEnabled, metrics } from '@mcp-router/platform';
import {
  callBodiesRecorded,
  callRecorded,
  memberAt,
  methodLabel,
  SYSTEM_PRINCIPAL,
  type AppError,
  type CallDecision,
  type CallRecord,
  type Principal,
} from '@mcp-router/shared';
import { redactBody } from './redact';

/** What the place that handled a call knows of it. */
export interface FinishedCall {
  endpoint: string;
  method: string;
  server?: string | undefined;
  /** Public name. */
  tool?: string | undefined;
  /** False for a tool that no server lists: its name is what the caller made up. */
  isListed?: boolean | undefined;
  /** Of a tool call, JSON text. */
  argumentsText?: string | undefined;
  /** Without one it was allowed. */
  decision?: CallDecision | undefined;
  outcome: CallRecord['outcome'];
  errorCode?: string | undefined;
  /** `performance.now()` when it came in. */
  startedAt: number;
  upstreamMs?: number | undefined;
  requestBytes: number;
  responseBytes: number;
  /** The answer, JSON text; needed only while `keepsBodies`. */
  responseText?: string | undefined;
  /** Where the call has no bus context, or another one than that of its caller. */
  principal?: Principal | undefined;
  requestId?: string | undefined;
  traceparent?: string | undefined;
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
const resultTokens = metrics.counter(
  'mcp_router_result_tokens_total',
  'Estimated tokens that the results of tools take in a model’s context',
  ['server', 'gen_ai_tool_name'],
);
const CHARACTERS_A_TOKEN = 4;

/** Names that nobody registered are told by their callers: as labels they would be any number of series. */
const UNKNOWN = new Set(['tool_not_found', 'server_not_found']);

/** Outcomes that are their own error type. */
const SAYS_ALL = new Set<CallRecord['outcome']>(['tool_error', 'denied']);

function measure(call: FinishedCall, agent: string, durationMs: number): void {
  const { outcome, errorCode = '', responseBytes: bytes } = call;
  const method = methodLabel(call.method);
  const server = errorCode === 'server_not_found' ? 'other' : (call.server ?? '');
  const isKnown = call.isListed ?? !UNKNOWN.has(errorCode);
  const tool = isKnown ? (call.tool ?? '') : 'other';
  const errorType = outcome === 'ok' ? '' : SAYS_ALL.has(outcome) ? outcome : errorLabel(errorCode || outcome);
  duration.with(method, server, tool, agent, errorType).record(durationMs / 1000);
  if (call.upstreamMs !== undefined) overhead.with(server).record(Math.max(0, durationMs - call.upstreamMs) / 1000);
  requestBytes.with(server).add(call.requestBytes);
  responseBytes.with(server).add(bytes);
  resultTokens.with(server, tool).add(Math.ceil(bytes / CHARACTERS_A_TOKEN));
}

/** Codes of JSON-RPC are a few hundred at most; what a server makes up beyond them is `rpc_error`. */
function errorLabel(code: string): string {
  return /^-?\d+$/.test(code) && !/^-32\d{3}$/.test(code) ? 'rpc_error' : code;
}

/** Writes the call log: one record a call, after the reply; and measures it. */
@Injectable()
export class CallRecorder {
  constructor(private readonly bus: Bus) {}

  /** Whether arguments and answers are kept now. */
  get keepsBodies(): boolean {
    return isFeatureEnabled('CALL_BODIES');
  }

  record(call: FinishedCall): void {
    if (!isFeatureEnabled('MONITORING')) return;
    const context = currentContext();
    const { agentId, agent, keyId } = call.principal ?? context?.principal ?? SYSTEM_PRINCIPAL;
    const durationMs = performance.now() - call.startedAt;
    measure(call, agent, durationMs);
    if (!isFeatureEnabled('CALL_LOG')) return;
    const traceId = (call.traceparent ?? context?.traceparent)?.split('-')[1];
    const { id, at } = stamp();
    // Written out, and the absent as undefined, which JSON leaves out: one shape for all calls, and no copies on the way.
    this.bus.record(callRecorded, {
      id,
      at,
      requestId: call.requestId ?? context?.requestId ?? '',
      traceId,
      agentId,
      agent,
      keyId,
      endpoint: call.endpoint,
      method: call.method,
      server: call.server,
      tool: call.tool,
      argumentsHash: call.argumentsText === undefined ? undefined : hash('sha256', call.argumentsText, 'hex'),
      decision: call.decision ?? 'allowed',
      outcome: call.outcome,
      errorCode: call.errorCode,
      durationMs: toMicroseconds(durationMs),
      upstreamMs: call.upstreamMs === undefined ? undefined : toMicroseconds(call.upstreamMs),
      requestBytes: call.requestBytes,
      responseBytes: call.responseBytes,
    });
    if (this.keepsBodies) this.recordBodies(call, id, at);
  }

  private recordBodies({ argumentsText, responseText }: FinishedCall, id: string, at: string): void {
    this.bus.record(callBodiesRecorded, {
      id,
      at,
      ...(argumentsText && { request: redactBody(argumentsText) }),
      ...(responseText && { response: redactBody(responseText) }),
    });
  }
}

/** Milliseconds without what is finer than a microsecond, which takes as long to write as all the rest of a number. */
const toMicroseconds = (milliseconds: number): number => Math.round(milliseconds * 1_000) / 1_000;

const MS_OF_PREFIX = 0x10000;
let second = 0;
let isoOfSecond = '';
let prefix = 0;
let hexOfPrefix = '';

/** A UUIDv7 of now, and now as ISO text. This runs once a call: what rarely changes is kept. */
function stamp(): { id: string; at: string } {
  const now = Date.now();
  const ms = now % 1_000;
  if (now - ms !== second) {
    second = now - ms;
    isoOfSecond = new Date(second).toISOString().slice(0, -4);
  }
  const low = now % MS_OF_PREFIX;
  if (now - low !== prefix) {
    prefix = now - low;
    hexOfPrefix = (prefix / MS_OF_PREFIX).toString(16).padStart(8, '0');
  }
  return {
    // Its random part comes from Node's pool of random bytes.
    id: `${hexOfPrefix}-${low.toString(16).padStart(4, '0')}-7${randomUUID().slice(15)}`,
    at: `${isoOfSecond}${String(ms).padStart(3, '0')}Z`,
  };
}

/**
 * How a call counts that failed before or instead of an answer.
 *
 * @param isThere whether what was asked for exists: what is hidden from the caller was denied, what does not exist is unknown
 */
export function failureOf(
  { code }: AppError,
  { isThere, isCancelled = code === 'cancelled' }: { isThere: boolean; isCancelled?: boolean },
): Pick<FinishedCall, 'decision' | 'outcome' | 'errorCode'> {
  if (code === 'tool_held') return { decision: 'held', outcome: 'denied', errorCode: code };
  if (code === 'tool_not_found' && isThere) return { decision: 'denied', outcome: 'denied', errorCode: code };
  const outcome = isCancelled ? 'cancelled' : 'error';
  return { ...(code === 'tool_not_found' && { decision: 'unknown' as const }), outcome, errorCode: code };
}

/** `tool_error` when a tool's result says `isError`, without reading the content. @param result JSON text */
export function outcomeOfResult(result: string): 'ok' | 'tool_error' {
  if (!result.includes('"isError"')) return 'ok';
  const member = memberAt(result, ['isError']);
  return member && result.startsWith('true', member.start) ? 'tool_error' : 'ok';
}
