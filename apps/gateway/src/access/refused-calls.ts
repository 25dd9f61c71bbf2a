import { Bus, isFeatureEnabled, metrics } from '@mcp-router/platform';
import { callRecorded, type Principal } from '@mcp-router/shared';
import { v7 as uuid } from 'uuid';

export interface RefusedCall {
  /** `/mcp`, `/mcp/{slug}`, `rest`. */
  endpoint: string;
  method: string;
  tool?: string | undefined;
  requestId: string;
  requestBytes: number;
}

const refused = metrics.counter('mcp_router_rate_limited_total', 'Requests of agents that were over their rate', [
  'agent',
]);

/** Records of one agent in a second: whoever floods the door must not flood the log. */
const MAX_A_SECOND = 10;
const MAX_NAME = 128;

/** Counts the requests that an agent over its rate sent, and notes the calls among them. */
export class RefusedCalls {
  private second = 0;
  private noted = new Map<string, number>();

  constructor(private readonly bus: Bus) {}

  count({ agent }: Principal): void {
    if (isFeatureEnabled('MONITORING')) refused.with(agent).add();
  }

  /** Puts a call into the call log, unless the log has enough of this agent for now; the metric counts all of them. */
  note({ agentId, agent, keyId }: Principal, call: RefusedCall, now = Date.now()): void {
    if (!isFeatureEnabled('MONITORING') || !isFeatureEnabled('CALL_LOG')) return;
    const second = Math.floor(now / 1000);
    if (second !== this.second) {
      this.second = second;
      this.noted = new Map();
    }
    const before = this.noted.get(agentId) ?? 0;
    if (before >= MAX_A_SECOND) return;
    this.noted.set(agentId, before + 1);
    this.bus.record(callRecorded, {
      id: uuid(),
      at: new Date(now).toISOString(),
      requestId: call.requestId,
      agentId,
      agent,
      ...(keyId !== undefined && { keyId }),
      endpoint: call.endpoint,
      method: call.method.slice(0, MAX_NAME),
      ...(call.tool !== undefined && { tool: call.tool.slice(0, MAX_NAME) }),
      decision: 'limited',
      outcome: 'denied',
      errorCode: 'rate_limited',
      durationMs: 0,
      requestBytes: call.requestBytes,
      responseBytes: 0,
    });
  }
}
