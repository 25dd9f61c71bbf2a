import type { Redis } from 'ioredis';
import { memberAt, type Principal } from '@mcp-router/shared';
import { OwnerMemo, setBounded } from './owner-memo';

/** Who had a task made through this router. */
export interface TaskMaker {
  agentId: string;
  /** Undefined for a client without sessions. */
  sessionId: string | undefined;
}

/**
 * Whose a task is: requests about it name only the task, and a server that several agents share tells none of them apart.
 */
export class TaskOwners {
  private readonly memo: OwnerMemo;
  private readonly makers = new Map<string, TaskMaker>();

  constructor(redis: Redis, prefix: string) {
    this.memo = new OwnerMemo(redis, `${prefix}mcp:task`);
  }

  /** Remembers the task that a response tells of, if it does. @param sessionId of the client that gets the response */
  learn(response: string, slug: string, principal: Principal, sessionId?: string): void {
    const member = memberAt(response, ['result', 'task', 'taskId']) ?? memberAt(response, ['result', 'taskId']);
    if (!member || response[member.start] !== '"') return;
    const taskId = JSON.parse(response.slice(member.start, member.end)) as string;
    if (this.memo.known(taskId, principal) === slug) return;
    this.memo.remember([taskId], slug, principal);
    const key = `${slug} ${taskId}`;
    if (!this.makers.has(key)) setBounded(this.makers, key, { agentId: principal.agentId, sessionId });
  }

  /** The server that made a task for this caller; undefined if none did. @throws Error while Redis is not reachable */
  ownerOf(taskId: string, principal: Principal): Promise<string | undefined> {
    return this.memo.find(taskId, principal);
  }

  /** Whose call through this router made a task; the server's connection tells of the task too. */
  makerOf(taskId: string, slug: string): TaskMaker | undefined {
    return this.makers.get(`${slug} ${taskId}`);
  }
}
