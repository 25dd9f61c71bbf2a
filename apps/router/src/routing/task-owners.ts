import type { Redis } from 'ioredis';
import { memberAt, type Principal } from '@mcp-router/shared';

const TTL_SECONDS = 24 * 3600;
const MAX_KNOWN = 10_000;

/**
 * Whose a task is: on the aggregate `tasks/get` and the like name only the task. Kept in Redis too, since tasks outlive
 * requests and any router may be asked.
 */
export class TaskOwners {
  private readonly known = new Map<string, string>();

  constructor(
    private readonly redis: Redis,
    private readonly prefix: string,
  ) {}

  /** Remembers the task that a response tells of, if it does. */
  learn(response: string, slug: string, principal: Principal): void {
    const member = memberAt(response, ['result', 'task', 'taskId']) ?? memberAt(response, ['result', 'taskId']);
    if (!member || response[member.start] !== '"') return;
    const key = this.key(JSON.parse(response.slice(member.start, member.end)) as string, principal);
    if (this.known.get(key) === slug) return;
    if (this.known.size >= MAX_KNOWN) this.known.clear();
    this.known.set(key, slug);
    this.redis.set(key, slug, 'EX', TTL_SECONDS).catch(() => undefined);
  }

  async ownerOf(taskId: string, principal: Principal): Promise<string | undefined> {
    const key = this.key(taskId, principal);
    return this.known.get(key) ?? (await this.redis.get(key)) ?? undefined;
  }

  /** A task belongs to the agent that made it. */
  private key(taskId: string, { agentId }: Principal): string {
    return `${this.prefix}mcp:task:${agentId}:${taskId}`;
  }
}
