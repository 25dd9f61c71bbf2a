import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { elementsOf, memberAt, type Principal } from '@mcp-router/shared';
import { OwnerMemo } from './owner-memo';

const MAX_LINKS = 100;
/** Longer answers are not read for links. */
const MAX_LENGTH = 262_144;
const LINK = '"resource_link"';

/**
 * Whose a resource is that a server has linked to: such resources need not be in any list, and a URI does not say which
 * of several servers it is of.
 */
export class LinkOwners {
  private readonly memo: OwnerMemo;

  constructor(redis: Redis, prefix: string) {
    this.memo = new OwnerMemo(redis, `${prefix}mcp:link`);
  }

  /** Remembers the resources that an answer links to, if it does. */
  learn(response: string, slug: string, principal: Principal): void {
    if (response.length > MAX_LENGTH || !response.includes(LINK)) return;
    this.memo.remember(linksIn(response).slice(0, MAX_LINKS).map(nameOf), slug, principal);
  }

  /** The server that linked this caller to a resource, as far as this router has seen it. */
  known(uri: string, principal: Principal): string | undefined {
    return this.memo.known(nameOf(uri), principal);
  }

  /** As `known`, with what other routers have seen; undefined also while Redis is not reachable. */
  find(uri: string, principal: Principal): Promise<string | undefined> {
    return this.memo.find(nameOf(uri), principal).catch(() => undefined);
  }
}

/** URIs may be long. */
function nameOf(uri: string): string {
  return createHash('sha256').update(uri).digest('base64url');
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
