import { AppError, memberAt } from '@mcp-router/shared';
import { modernEnvelope } from '../upstreams/handshake';
import { outcomeOf, requestText } from '../upstreams/message';
import { SYSTEM_CALLER } from '../upstreams/system-caller';
import type { Upstream, UpstreamInfo } from '../upstreams/upstream';
import { KIND_WIRE, readItems, withPublicNames, type CatalogueItem, type CatalogueKind } from './catalogue-item';

const MAX_ITEMS = 10_000;
const MAX_BYTES = 10 * 1024 * 1024;
const MAX_PAGES = 1_000;
const METHOD_NOT_FOUND = -32601;

export interface ItemList {
  items: CatalogueItem[];
  /** How long the server says the list holds, in milliseconds; undefined if it does not say. */
  ttlMs: number | undefined;
}

/** The capability without which a server has nothing of a kind. */
export function offers({ capabilities }: UpstreamInfo, kind: CatalogueKind): boolean {
  return capabilities[kind === 'resourceTemplates' ? 'resources' : kind] !== undefined;
}

/**
 * Reads all pages of one list.
 *
 * @throws AppError `limit_exceeded` past 10,000 items or 10 MB, `upstream_error` when the server refuses
 */
export async function readList(upstream: Upstream, kind: CatalogueKind): Promise<ItemList> {
  const info = await upstream.ready();
  if (!offers(info, kind)) return { items: [], ttlMs: undefined };
  const { method } = KIND_WIRE[kind];
  const envelope = info.era === 'modern' ? { _meta: modernEnvelope(info.protocolVersion) } : {};
  const items: CatalogueItem[] = [];
  const cursors = new Set<string>();
  let bytes = 0;
  let cursor: string | undefined;
  let ttlMs: number | undefined;
  for (let pages = 0; ; pages++) {
    const message = requestText('1', method, { ...envelope, ...(cursor !== undefined && { cursor }) });
    const outcome = outcomeOf(await upstream.exchange({ ...SYSTEM_CALLER, message }));
    if ('error' in outcome) {
      // Some servers declare resources and know no templates.
      if (outcome.error.code === METHOD_NOT_FOUND) return { items: [], ttlMs: undefined };
      throw new AppError('upstream_error', `The server refused "${method}": ${outcome.error.message}`);
    }
    const page = outcome.result;
    bytes += page.length;
    items.push(...readItems(upstream.slug, kind, page));
    if (items.length > MAX_ITEMS || bytes > MAX_BYTES || pages > MAX_PAGES)
      throw new AppError(
        'limit_exceeded',
        `The server lists more than ${MAX_ITEMS} ${kind} or ${MAX_BYTES} bytes of them`,
      );
    ttlMs = valueAt(page, 'ttlMs') as number | undefined;
    const next = valueAt(page, 'nextCursor');
    if (typeof next !== 'string' || cursors.has(next)) return { items: withPublicNames(items), ttlMs };
    cursors.add(next);
    cursor = next;
  }
}

function valueAt(text: string, key: string): unknown {
  const member = memberAt(text, [key]);
  return member && JSON.parse(text.slice(member.start, member.end));
}
