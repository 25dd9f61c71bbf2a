import type { Redis } from 'ioredis';
import { memberAt, type Principal } from '@mcp-router/shared';

const TTL_SECONDS = 24 * 3600;
const MAX_KNOWN = 10_000;

/**
 * Whose a task is: requests about it name only the task, and a server that several agents share tells none of them apart.
 * Kept in Redis too, since tasks outlive requests and any router may be asked.
 */
export class TaskOwners {
  private readonly known = new Map<string, string>();
  private readonly agents = new Map<string, string>();

  constructor(
    private readonly redis: Redis,
    private readonly prefix: string,
  ) {}

  /** Remembers the task that a response tells of, if it does. */
  learn(response: string, slug: string, principal: Principal): void {
    const member = memberAt(response, ['result', 'task', 'taskId']) ?? memberAt(response, ['result', 'taskId']);
    if (!member || response[member.start] !== '"') return;
    const taskId = JSON.parse(response.slice(member.start, member.end)) as string;
    const key = this.key(taskId, principal);
    if (this.known.get(key) === slug) return;
    remember(this.known, key, slug);
    remember(this.agents, `${slug} ${taskId}`, principal.agentId);
    this.redis.set(key, slug, 'EX', TTL_SECONDS).catch(() => undefined);
  }

  /** The server that made a task for this caller; undefined if none did. */
  async ownerOf(taskId: string, principal: Principal): Promise<string | undefined> {
    const key = this.key(taskId, principal);
    return this.known.get(key) ?? (await this.redis.get(key)) ?? undefined;
  }

  /** The agent whose call through this router made a task; its connection tells of the task too. */
  agentOf(taskId: string, slug: string): string | undefined {
    return this.agents.get(`${slug} ${taskId}`);
  }

  /** A task belongs to the agent that made it. */
  private key(taskId: string, { agentId }: Principal): string {
    return `${this.prefix}mcp:task:${agentId}:${taskId}`;
  }
}

function remember(map: Map<string, string>, key: string, value: string): void {
  if (map.size >= MAX_KNOWN) map.clear();
  map.set(key, value);
}
