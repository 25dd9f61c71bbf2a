import type { Redis } from 'ioredis';
import { memberAt, type Principal } from '@mcp-router/shared';
import { OwnerMemo, setBounded } from './owner-memo';

/**
 * Whose a task is: requests about it name only the task, and a server that several agents share tells none of them apart.
 */
export class TaskOwners {
  private readonly memo: OwnerMemo;
  private readonly agents = new Map<string, string>();

  constructor(redis: Redis, prefix: string) {
    this.memo = new OwnerMemo(redis, `${prefix}mcp:task`);
  }

  /** Remembers the task that a response tells of, if it does. */
  learn(response: string, slug: string, principal: Principal): void {
    const member = memberAt(response, ['result', 'task', 'taskId']) ?? memberAt(response, ['result', 'taskId']);
    if (!member || response[member.start] !== '"') return;
    const taskId = JSON.parse(response.slice(member.start, member.end)) as string;
    if (this.memo.known(taskId, principal) === slug) return;
    this.memo.remember([taskId], slug, principal);
    setBounded(this.agents, `${slug} ${taskId}`, principal.agentId);
  }

  /** The server that made a task for this caller; undefined if none did. @throws Error while Redis is not reachable */
  ownerOf(taskId: string, principal: Principal): Promise<string | undefined> {
    return this.memo.find(taskId, principal);
  }

  /** The agent whose call through this router made a task; its connection tells of the task too. */
  agentOf(taskId: string, slug: string): string | undefined {
    return this.agents.get(`${slug} ${taskId}`);
  }
}
