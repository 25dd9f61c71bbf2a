import { applyEdits, memberAt, readRpc, setMember } from '@mcp-router/shared';
import { requestText } from '../upstreams/message';
import type { Exchange, Upstream } from '../upstreams/upstream';

/** A task is waited for as long as a call may take in all, in milliseconds; the server may be silent meanwhile. */
const TASK_TIMEOUT_MS = 600_000;
const CANCEL_TIMEOUT_MS = 5_000;

/** Whether a tool of 2025-11-25 can be called as a task only. @param definition JSON text */
export function needsTask(definition: string): boolean {
  if (!definition.includes('"taskSupport"')) return false;
  const member = memberAt(definition, ['execution', 'taskSupport']);
  return member !== undefined && definition.slice(member.start, member.end) === '"required"';
}

/**
 * Calls such a tool for a client that knows no tasks of that era: the task is made, waited for and, if nobody waits any
 * more, cancelled. The client gets what the call gave, as if there had been no task.
 */
export async function callAsTask(upstream: Upstream, exchange: Exchange): Promise<string> {
  const { text, params, id = '1' } = exchange.message;
  if (!params) return upstream.exchange(exchange);
  const made = await upstream.exchange({
    ...exchange,
    message: readRpc(applyEdits(text, [setMember(text, params.start, 'task', '{}')])),
  });
  const member = memberAt(made, ['result', 'task', 'taskId']);
  // An error, or a server that answers at once all the same.
  if (!member || made[member.start] !== '"') return made;
  const taskId = JSON.parse(made.slice(member.start, member.end)) as string;
  try {
    const message = requestText(id, 'tasks/result', { taskId });
    return await upstream.exchange({ ...exchange, message, timeoutMs: TASK_TIMEOUT_MS });
  } catch (error) {
    const message = requestText('1', 'tasks/cancel', { taskId });
    const signal = AbortSignal.timeout(CANCEL_TIMEOUT_MS);
    const { principal, clientCapabilities } = exchange;
    const caller = { principal, ...(clientCapabilities !== undefined && { clientCapabilities }) };
    upstream.exchange({ ...caller, message, signal }).catch(() => undefined);
    throw error;
  }
}
