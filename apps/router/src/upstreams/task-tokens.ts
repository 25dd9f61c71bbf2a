import { memberAt, type RpcText } from '@mcp-router/shared';
import { stringAt } from './message';
import type { PendingCall } from './pending-call';

/** Tasks whose progress is waited for on one connection; past it the oldest is forgotten. */
const MAX_KEPT = 1_000;
/** An answer that makes a task says little more than that. */
const MAX_TASK_LENGTH = 65_536;
const ENDED = new Set(['completed', 'failed', 'cancelled']);

/** Whose progress comes under a token that the call which brought it does not wait for any more. */
export interface TaskToken {
  taskId: string;
  /** The caller's progress token, JSON text. */
  token: string;
  /** Who made the task. */
  caller: string;
}

/**
 * Progress tokens of the calls that were answered with a task of 2025-11-25: such a token holds for as long as the task
 * does, which is until the server says that it has ended, or its `ttl` is over.
 */
export class TaskTokens {
  private readonly kept = new Map<number, TaskToken & { until: number }>();

  get size(): number {
    return this.kept.size;
  }

  /** @param token as the server knows it */
  of(token: unknown): TaskToken | undefined {
    const found = this.kept.get(token as number);
    if (!found || performance.now() < found.until) return found;
    this.kept.delete(token as number);
    return undefined;
  }

  /** Takes note of what a response says of tasks: that there is one now, or that it has ended. */
  answered(key: number, call: PendingCall, response: string): void {
    const { method, text, params } = call.exchange.message;
    if (method?.startsWith('tasks/') === true) {
      const taskId = params && stringAt(text, ['taskId'], params.start);
      const hasEnded = method === 'tasks/result' || ENDED.has(stringAt(response, ['result', 'status']) ?? '');
      if (hasEnded && taskId !== undefined) this.drop(taskId);
    } else if (call.token !== undefined && response.length < MAX_TASK_LENGTH && response.includes('"taskId"')) {
      this.keep(key, call, call.token, response);
    }
  }

  /** Takes note of a `notifications/tasks/status`. */
  told({ text, params }: RpcText): void {
    if (!params || !ENDED.has(stringAt(text, ['status'], params.start) ?? '')) return;
    this.drop(stringAt(text, ['taskId'], params.start) ?? '');
  }

  private keep(key: number, call: PendingCall, token: string, response: string): void {
    const task = memberAt(response, ['result', 'task']);
    const taskId = task && stringAt(response, ['taskId'], task.start);
    if (!task || taskId === undefined || ENDED.has(stringAt(response, ['status'], task.start) ?? '')) return;
    const ttl = memberAt(response, ['ttl'], task.start);
    const ttlMs = ttl ? Number(response.slice(ttl.start, ttl.end)) : NaN;
    const until = ttlMs > 0 ? performance.now() + ttlMs : Infinity;
    for (const oldest of this.kept.keys()) {
      if (this.kept.size < MAX_KEPT) break;
      this.kept.delete(oldest);
    }
    this.kept.set(key, { taskId, token, caller: call.caller, until });
  }

  private drop(taskId: string): void {
    for (const [key, task] of this.kept) if (task.taskId === taskId) this.kept.delete(key);
  }
}
