import { createHash } from 'node:crypto';
import { callRecorded, memberAt, type CallRecord, type RpcText } from '@mcp-router/shared';
import type { Bus } from '@mcp-router/platform';
import { v7 as uuid } from 'uuid';
import { errorCodeOf, resultField } from '../translation/results';
import type { Call } from './call';

/** What is known of a call when it is over. */
export interface CallOutcome {
  outcome: CallRecord['outcome'];
  errorCode?: string;
  responseBytes: number;
}

/** Writes the call log: one record for each `tools/call`, made after its answer has gone. */
export class CallRecorder {
  constructor(private readonly bus: Bus) {}

  /** @param startedAt of `performance.now()` */
  record(call: Call, server: string | undefined, tool: string, startedAt: number, outcome: CallOutcome): void {
    const durationMs = performance.now() - startedAt;
    const { principal, request } = call;
    this.bus.record(callRecorded, {
      id: uuid(),
      at: new Date(Date.now() - durationMs).toISOString(),
      requestId: call.context.requestId,
      ...traceIdOf(call),
      agentId: principal.agentId,
      agent: principal.agent,
      ...(principal.keyId === undefined ? {} : { keyId: principal.keyId }),
      endpoint: call.endpoint === undefined ? '/mcp' : `/mcp/${call.endpoint}`,
      method: call.method,
      ...(server === undefined ? {} : { server }),
      tool,
      argumentsHash: hashOfArguments(request),
      durationMs: Math.round(durationMs * 1000) / 1000,
      requestBytes: request.text.length,
      ...outcome,
    });
  }
}

/** How a response counts: a tool's own failure is told apart from a refusal. */
export function outcomeOf(response: string): CallOutcome {
  const responseBytes = response.length;
  const code = errorCodeOf(response);
  if (code !== undefined) return { outcome: 'error', errorCode: String(code), responseBytes };
  return { outcome: resultField(response, 'isError') === 'true' ? 'tool_error' : 'ok', responseBytes };
}

function hashOfArguments({ text, params }: RpcText): string {
  const member = params && memberAt(text, ['arguments'], params.start);
  return createHash('sha256')
    .update(member ? text.slice(member.start, member.end) : '')
    .digest('hex');
}

function traceIdOf({ context }: Call): { traceId?: string } {
  const traceId = context.traceparent?.split('-')[1];
  return traceId === undefined ? {} : { traceId };
}
