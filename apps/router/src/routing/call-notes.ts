import type { CallRecorder, FinishedCall } from '../calls/call-recorder';
import type { Catalogue } from '../catalogue/catalogue';
import { paramText } from '../translation/envelope';
import { errorCodeOf, resultField } from '../translation/results';
import type { Call } from './call';

const RECORD_MS = 10;

/** What the call itself does not say. */
export type CallFacts = Pick<
  FinishedCall,
  'server' | 'tool' | 'startedAt' | 'decision' | 'outcome' | 'errorCode' | 'responseBytes' | 'responseText'
>;

/** Notes of calls that are over, for the call log. */
export class CallNotes {
  private readonly finished: { call: Call; facts: CallFacts; at: number }[] = [];

  constructor(
    private readonly recorder: CallRecorder,
    private readonly catalogue: Catalogue,
  ) {}

  /** A tool's own failure is told apart from a refusal. Written out, since copies of objects are dear where every call passes. */
  factsOf(response: string, server: string, tool: string | undefined, startedAt: number): CallFacts {
    const code = errorCodeOf(response);
    const isToolError = code === undefined && resultField(response, 'isError') === 'true';
    return {
      server,
      tool,
      startedAt,
      decision: undefined,
      outcome: code !== undefined ? 'error' : isToolError ? 'tool_error' : 'ok',
      errorCode: code === undefined ? undefined : String(code),
      responseBytes: response.length,
      responseText: this.recorder.keepsBodies ? response : undefined,
    };
  }

  /** Notes a call. The records are made a little later, many in a row: one at a time between two calls takes twice as long. */
  add(call: Call, facts: CallFacts): void {
    if (this.finished.push({ call, facts, at: performance.now() }) === 1) setTimeout(() => this.record(), RECORD_MS);
  }

  /** Makes the records of what was noted. */
  record(): void {
    const now = performance.now();
    for (const { call, facts, at } of this.finished.splice(0)) {
      const { request, endpoint, context } = call;
      this.recorder.record({
        endpoint: endpoint === undefined ? '/mcp' : `/mcp/${endpoint}`,
        method: call.method,
        server: facts.server,
        tool: facts.tool,
        isListed: facts.tool === undefined || this.catalogue.find('tools', facts.tool) !== undefined,
        argumentsText: paramText(request, ['arguments']) ?? paramText(request, ['uri']) ?? '',
        decision: facts.decision,
        outcome: facts.outcome,
        errorCode: facts.errorCode,
        // The recorder measures up to its own time, which is later than the answer.
        startedAt: facts.startedAt + now - at,
        upstreamMs: call.upstreamMs || undefined,
        requestBytes: request.text.length,
        responseBytes: facts.responseBytes,
        responseText: facts.responseText,
        principal: call.principal,
        requestId: context.requestId,
        traceparent: context.traceparent,
      });
    }
  }
}
