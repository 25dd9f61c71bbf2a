import { createHash } from 'node:crypto';
import type { ServerCounts } from '@mcp-router/shared';
import { ProbeFailure } from './probe-failure';

const MAX_ITEMS = 10_000;
const MAX_PAGES = 1000;

/** Sends one list request and gives its result; undefined when the server does not know the method. */
export type Ask = (method: string, params: Record<string, unknown>) => Promise<Record<string, unknown> | undefined>;

export interface Catalogue {
  counts: ServerCounts;
  /** SHA-256 over the items in canonical form, so the order of items, of keys and of pages does not matter. */
  hash: string;
}

const LISTS = [
  { capability: 'tools', method: 'tools/list', field: 'tools', key: 'name' },
  { capability: 'resources', method: 'resources/list', field: 'resources', key: 'uri' },
  { capability: 'resources', method: 'resources/templates/list', field: 'resourceTemplates', key: 'uriTemplate' },
  { capability: 'prompts', method: 'prompts/list', field: 'prompts', key: 'name' },
] as const;

/**
 * Reads all lists that the capabilities promise, page by page.
 * @throws ProbeFailure `catalogue_too_large` past 10,000 items or 1,000 pages; `bad_catalogue` for a cursor that comes
 * again or a list that is none
 */
export async function readCatalogue(capabilities: Record<string, unknown>, ask: Ask): Promise<Catalogue> {
  const counts: ServerCounts = { tools: 0, resources: 0, resourceTemplates: 0, prompts: 0 };
  const hash = createHash('sha256');
  for (const { capability, method, field, key } of LISTS) {
    if (capabilities[capability] === undefined) continue;
    const items = await readList(method, field, ask);
    counts[field] = items.length;
    const named = items.map((item) => [String(item[key]), canonical(item)] as const);
    hash.update(method);
    for (const [, text] of named.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))) hash.update('\0').update(text);
  }
  return { counts, hash: hash.digest('hex') };
}

async function readList(method: string, field: string, ask: Ask): Promise<Record<string, unknown>[]> {
  const items: Record<string, unknown>[] = [];
  const seen = new Set<unknown>();
  let cursor: unknown;
  do {
    const result = await ask(method, cursor === undefined ? {} : { cursor });
    if (!result) return items;
    const page = result[field];
    if (!Array.isArray(page)) throw new ProbeFailure('bad_catalogue', `${method} answers without "${field}"`);
    items.push(...(page.filter((item) => typeof item === 'object' && item !== null) as Record<string, unknown>[]));
    cursor = result['nextCursor'] ?? undefined;
    if (seen.has(cursor)) throw new ProbeFailure('bad_catalogue', `${method} gives the same cursor twice`);
    seen.add(cursor);
    if (items.length > MAX_ITEMS || seen.size > MAX_PAGES)
      throw new ProbeFailure('catalogue_too_large', `${method} has more than ${MAX_ITEMS} items or ${MAX_PAGES} pages`);
  } while (cursor !== undefined);
  return items;
}

/** JSON with the keys of every object in order. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${fields.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(',')}}`;
}
