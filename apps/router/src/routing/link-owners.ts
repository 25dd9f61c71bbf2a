import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { elementsOf, memberAt, type Principal } from '@mcp-router/shared';

const TTL_SECONDS = 24 * 3600;
const MAX_KNOWN = 10_000;
const MAX_LINKS = 100;
/** Longer answers are not read for links. */
const MAX_LENGTH = 262_144;
const LINK = '"resource_link"';

/**
 * Whose a resource is that a server has linked to: such resources need not be in any list, and a URI does not say which
 * of several servers it is of. Kept in Redis too, since any router may be asked to read it.
 */
export class LinkOwners {
  private readonly owners = new Map<string, string>();

  constructor(
    private readonly redis: Redis,
    private readonly prefix: string,
  ) {}

  /** Remembers the resources that an answer links to, if it does. */
  learn(response: string, slug: string, principal: Principal): void {
    if (response.length > MAX_LENGTH || !response.includes(LINK)) return;
    const isNew = ([key]: [string, string]): boolean => this.owners.get(key) !== slug;
    const entries = linksIn(response)
      .slice(0, MAX_LINKS)
      .map((uri): [string, string] => [this.key(uri, principal), slug])
      .filter(isNew);
    if (entries.length === 0) return;
    const pipeline = this.redis.pipeline();
    for (const [key] of entries) {
      if (this.owners.size >= MAX_KNOWN) this.owners.clear();
      this.owners.set(key, slug);
      pipeline.set(key, slug, 'EX', TTL_SECONDS);
    }
    pipeline.exec().catch(() => undefined);
  }

  /** The server that linked this caller to a resource, as far as this router has seen it. */
  known(uri: string, principal: Principal): string | undefined {
    return this.owners.get(this.key(uri, principal));
  }

  /** As `known`, with what other routers have seen; undefined also while Redis is not reachable. */
  async find(uri: string, principal: Principal): Promise<string | undefined> {
    return (
      this.known(uri, principal) ?? (await this.redis.get(this.key(uri, principal)).catch(() => null)) ?? undefined
    );
  }

  private key(uri: string, { agentId }: Principal): string {
    return `${this.prefix}mcp:link:${agentId}:${createHash('sha256').update(uri).digest('base64url')}`;
  }
}

/** The URIs of the links in the result of a tool or a prompt. */
function linksIn(response: string): string[] {
  const content = memberAt(response, ['result', 'content']);
  const messages = memberAt(response, ['result', 'messages']);
  const blocks = [
    ...(content ? elementsOf(response, content.start) : []),
    ...(messages ? elementsOf(response, messages.start) : []).map(({ start }) =>
      memberAt(response, ['content'], start),
    ),
  ];
  return blocks.flatMap((block) => {
    if (!block || response[block.start] !== '{') return [];
    const { type, uri } = JSON.parse(response.slice(block.start, block.end)) as { type?: unknown; uri?: unknown };
    return type === 'resource_link' && typeof uri === 'string' ? [uri] : [];
  });
}
