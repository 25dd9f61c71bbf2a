import type { Redis } from 'ioredis';
import type { Principal } from '@mcp-router/shared';

const TTL_SECONDS = 24 * 3600;
const MAX_KNOWN = 10_000;

/**
 * Which server has what an agent was told of, for a day. In memory, where it is forgotten when that is full, and in Redis,
 * since any router may be asked.
 */
export class OwnerMemo {
  private readonly owners = new Map<string, string>();

  constructor(
    private readonly redis: Redis,
    /** Of the keys in Redis, without the colon that follows. */
    private readonly prefix: string,
  ) {}

  remember(names: readonly string[], slug: string, principal: Principal): void {
    const keys = names.map((name) => this.key(name, principal)).filter((key) => this.owners.get(key) !== slug);
    if (keys.length === 0) return;
    const pipeline = this.redis.pipeline();
    for (const key of keys) {
      setBounded(this.owners, key, slug);
      pipeline.set(key, slug, 'EX', TTL_SECONDS);
    }
    pipeline.exec().catch(() => undefined);
  }

  /** As far as this router has seen it. */
  known(name: string, principal: Principal): string | undefined {
    return this.owners.get(this.key(name, principal));
  }

  /** As `known`, with what other routers have seen. @throws Error while Redis is not reachable */
  async find(name: string, principal: Principal): Promise<string | undefined> {
    return this.known(name, principal) ?? (await this.redis.get(this.key(name, principal))) ?? undefined;
  }

  private key(name: string, { agentId }: Principal): string {
    return `${this.prefix}:${agentId}:${name}`;
  }
}

/** Sets an entry of a map that starts anew when it is full. */
export function setBounded<T>(map: Map<string, T>, key: string, value: T): void {
  if (map.size >= MAX_KNOWN) map.clear();
  map.set(key, value);
}
