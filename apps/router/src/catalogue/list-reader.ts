import { AppError, memberAt, membersOf } from '@mcp-router/shared';
import { modernEnvelope } from '../upstreams/handshake';
import { outcomeOf, requestText } from '../upstreams/message';
import { SYSTEM_CALLER } from '../upstreams/system-caller';
import { headerFault } from '../translation/header-params';
import type { Upstream, UpstreamInfo } from '../upstreams/upstream';
import type { ListFacts } from './catalogue';
import { KIND_WIRE, readItems, withPublicNames, type CatalogueItem, type CatalogueKind } from './catalogue-item';

const MAX_ITEMS = 10_000;
const MAX_BYTES = 10 * 1024 * 1024;
const MAX_PAGES = 1_000;
const MAX_READ_MS = 120_000;
const METHOD_NOT_FOUND = -32601;

export interface ItemList {
  items: CatalogueItem[];
  facts: ListFacts;
  /** Tools that may not be offered, each with the reason. */
  refused: readonly string[];
}

const NO_FACTS: ListFacts = { ttlMs: undefined, cacheScope: undefined, rest: '' };
const NOTHING: ItemList = { items: [], facts: NO_FACTS, refused: [] };
/** Longest text of members that nobody here knows. */
const MAX_REST = 65_536;

/** The capability without which a server has nothing of a kind. */
export function offers({ capabilities }: UpstreamInfo, kind: CatalogueKind): boolean {
  return capabilities[kind === 'resourceTemplates' ? 'resources' : kind] !== undefined;
}

/**
 * Reads all pages of one list.
 *
 * @throws AppError `limit_exceeded` past 10,000 items, 10 MB, 1,000 pages or two minutes, `upstream_error` when the server refuses
 */
export async function readList(upstream: Upstream, kind: CatalogueKind): Promise<ItemList> {
  const info = await upstream.ready();
  if (!offers(info, kind)) return NOTHING;
  const { method } = KIND_WIRE[kind];
  const envelope = info.era === 'modern' ? { _meta: modernEnvelope(info.protocolVersion) } : {};
  const items: CatalogueItem[] = [];
  const cursors = new Set<string>();
  let bytes = 0;
  let cursor: string | undefined;
  let facts: ListFacts | undefined;
  const startedAt = Date.now();
  for (let pages = 0; ; pages++) {
    const message = requestText('1', method, { ...envelope, ...(cursor !== undefined && { cursor }) });
    const outcome = outcomeOf(await upstream.exchange({ ...SYSTEM_CALLER, message }));
    if ('error' in outcome) {
      // Some servers declare resources and know no templates.
      if (outcome.error.code === METHOD_NOT_FOUND) return NOTHING;
      throw new AppError('upstream_error', `The server refused "${method}": ${outcome.error.message}`);
    }
    const page = outcome.result;
    bytes += page.length;
    items.push(...readItems(upstream.slug, kind, page));
    if (items.length > MAX_ITEMS || bytes > MAX_BYTES)
      throw new AppError(
        'limit_exceeded',
        `The server lists more than ${MAX_ITEMS} ${kind} or ${MAX_BYTES} bytes of them`,
      );
    facts = joined(facts, factsIn(page, kind));
    const next = valueAt(page, 'nextCursor');
    if (typeof next !== 'string' || cursors.has(next)) return { ...permitted(items, info), facts };
    if (pages + 1 >= MAX_PAGES || Date.now() - startedAt > MAX_READ_MS)
      throw new AppError('limit_exceeded', `The list of ${kind} has no end after ${pages + 1} pages`);
    cursors.add(next);
    cursor = next;
  }
}

/**
 * The items with their public names. Tools of modern servers that clients over HTTP have to leave out are left out for
 * all clients, so that all of them see the same.
 */
function permitted(items: readonly CatalogueItem[], { era }: UpstreamInfo): Pick<ItemList, 'items' | 'refused'> {
  const refused: string[] = [];
  const isPermitted = ({ kind, name, text }: CatalogueItem): boolean => {
    const fault = kind === 'tools' ? headerFault(text) : undefined;
    if (fault !== undefined) refused.push(`${name}: ${fault}`);
    return fault === undefined;
  };
  return { items: withPublicNames(era === 'modern' ? items.filter(isPermitted) : items), refused };
}

/** What one page says of the list besides its items. */
function factsIn(page: string, kind: CatalogueKind): ListFacts {
  const [ttlMs, scope] = [valueAt(page, 'ttlMs'), valueAt(page, 'cacheScope')];
  const known = new Set([KIND_WIRE[kind].member, 'nextCursor', 'ttlMs', 'cacheScope', 'resultType']);
  const rest = membersOf(page)
    .filter(({ key }) => !known.has(key))
    .map(({ key, start, end }) => `${JSON.stringify(key)}:${page.slice(start, end)}`)
    .join(',');
  return {
    ttlMs: typeof ttlMs === 'number' && ttlMs >= 0 ? ttlMs : undefined,
    cacheScope: scope === 'public' || scope === 'private' ? scope : undefined,
    rest: rest.length > MAX_REST ? '' : rest,
  };
}

/** Of several pages the shortest time and the closest circle count; the first one speaks for the rest. */
function joined(before: ListFacts | undefined, { ttlMs, cacheScope, rest }: ListFacts): ListFacts {
  if (!before) return { ttlMs, cacheScope, rest };
  return {
    ttlMs: ttlMs === undefined ? before.ttlMs : Math.min(ttlMs, before.ttlMs ?? ttlMs),
    cacheScope: before.cacheScope === 'private' ? 'private' : (cacheScope ?? before.cacheScope),
    rest: before.rest,
  };
}

function valueAt(text: string, key: string): unknown {
  const member = memberAt(text, [key]);
  return member && JSON.parse(text.slice(member.start, member.end));
}
