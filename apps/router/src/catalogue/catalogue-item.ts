import { applyEdits, elementsOf, memberAt, setMember } from '@mcp-router/shared';
import type { ToolHints } from '../upstreams/repeatable';
import { hashedName, publicName } from './public-name';

export const KINDS = ['tools', 'resources', 'resourceTemplates', 'prompts'] as const;
export type CatalogueKind = (typeof KINDS)[number];

/** How a kind is listed, and which member names one of it. */
export const KIND_WIRE: Record<CatalogueKind, { method: string; member: string; key: 'name' | 'uri' | 'uriTemplate' }> =
  {
    tools: { method: 'tools/list', member: 'tools', key: 'name' },
    resources: { method: 'resources/list', member: 'resources', key: 'uri' },
    resourceTemplates: { method: 'resources/templates/list', member: 'resourceTemplates', key: 'uriTemplate' },
    prompts: { method: 'prompts/list', member: 'prompts', key: 'name' },
  };

/** One thing that a server offers, as the server described it. */
export interface CatalogueItem {
  server: string;
  kind: CatalogueKind;
  /** At the server: a tool's or prompt's name, a resource's URI, a template. */
  name: string;
  /** On the aggregate endpoint: `server__name`; URIs are never rewritten. */
  publicName: string;
  /** The definition, JSON text as the server wrote it. */
  text: string;
  /** The same with the public name. */
  publicText: string;
  /** Of tools; empty otherwise. */
  hints: ToolHints;
}

/**
 * Reads the items of one page of a list.
 *
 * @param page the `result` of the list request, JSON text
 */
export function readItems(server: string, kind: CatalogueKind, page: string): CatalogueItem[] {
  const { member, key } = KIND_WIRE[kind];
  const list = memberAt(page, [member]);
  if (!list) return [];
  const items: CatalogueItem[] = [];
  for (const { start, end } of elementsOf(page, list.start)) {
    const text = page.slice(start, end);
    const value = memberAt(text, [key]);
    const name: unknown = value && JSON.parse(text.slice(value.start, value.end));
    if (typeof name !== 'string') continue;
    items.push({
      server,
      kind,
      name,
      publicName: name,
      text,
      publicText: text,
      hints: kind === 'tools' ? hintsIn(text) : {},
    });
  }
  return items;
}

function hintsIn(text: string): ToolHints {
  const annotations = memberAt(text, ['annotations']);
  if (!annotations || text[annotations.start] !== '{') return {};
  return JSON.parse(text.slice(annotations.start, annotations.end)) as ToolHints;
}

/** Gives tools and prompts their public names and drops what is listed twice. Order is the server's. */
export function withPublicNames(items: readonly CatalogueItem[]): CatalogueItem[] {
  const seen = new Set<string>();
  const taken = new Set<string>();
  const named: CatalogueItem[] = [];
  for (const item of items) {
    if (seen.has(item.name)) continue;
    seen.add(item.name);
    if (KIND_WIRE[item.kind].key !== 'name') {
      named.push(item);
      continue;
    }
    let name = publicName(item.server, item.name);
    if (taken.has(name)) name = hashedName(item.server, item.name);
    taken.add(name);
    const publicText = applyEdits(item.text, [setMember(item.text, 0, 'name', JSON.stringify(name))]);
    named.push({ ...item, publicName: name, publicText });
  }
  return named;
}
