import { matchesGlob, type VirtualMember } from '@mcp-router/shared';
import type { Catalogue } from '../catalogue/catalogue';
import { KINDS, type CatalogueItem, type CatalogueKind } from '../catalogue/catalogue-item';

/** A name that an earlier server of the list has too. */
export interface Clash {
  server: string;
  name: string;
}

/** What a virtual server offers: one namespace, the names as they are at the servers. */
export interface VirtualView {
  /** Slugs in the order of the definition. */
  members: ReadonlySet<string>;
  items: Readonly<Record<CatalogueKind, readonly CatalogueItem[]>>;
  /** By name at the server. */
  tools: ReadonlyMap<string, CatalogueItem>;
  prompts: ReadonlyMap<string, CatalogueItem>;
  /** Of two servers with the same name the first in the list has it. */
  clashes: readonly Clash[];
}

/** Puts together what the servers of a list offer now. */
export function virtualView(catalogue: Catalogue, servers: readonly VirtualMember[]): VirtualView {
  const clashes: Clash[] = [];
  const offered = (kind: CatalogueKind): Map<string, CatalogueItem> => {
    const byName = new Map<string, CatalogueItem>();
    for (const { server, tools } of servers) {
      for (const item of catalogue.itemsOf(server, kind)) {
        if (kind === 'tools' && tools && !tools.some((glob) => matchesGlob(glob, item.name))) continue;
        const first = byName.get(item.name);
        if (!first) byName.set(item.name, item);
        // A resource that two servers have is the same thing to a client; a tool is not.
        else if (first.server !== server && (kind === 'tools' || kind === 'prompts'))
          clashes.push({ server, name: item.name });
      }
    }
    return byName;
  };
  const all = Object.fromEntries(KINDS.map((kind) => [kind, offered(kind)])) as Record<
    CatalogueKind,
    Map<string, CatalogueItem>
  >;
  const items = Object.fromEntries(KINDS.map((kind) => [kind, [...all[kind].values()]])) as unknown as Record<
    CatalogueKind,
    CatalogueItem[]
  >;
  const members = new Set(servers.map(({ server }) => server));
  return { members, items, tools: all.tools, prompts: all.prompts, clashes };
}
