import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { memberAt } from '@mcp-router/shared';
import type { ToolHints } from '../upstreams/repeatable';
import { KINDS, type CatalogueItem, type CatalogueKind } from './catalogue-item';
import { fitsTemplate, literalLength } from './uri-template';

/** All items of one kind on one endpoint, ready to be sent. */
export interface ReadyList {
  items: readonly CatalogueItem[];
  /** The items as a JSON array: public names on the aggregate, the server's own on its endpoint. */
  text: string;
  /** Equal lists have equal tags. */
  tag: string;
}

/** What a server said of a list as a whole. */
export interface ListFacts {
  /** How long the list holds, in milliseconds; undefined if the server does not say. */
  ttlMs: number | undefined;
  cacheScope: 'public' | 'private' | undefined;
  /** Other members of the result, `_meta` among them, as JSON text: `"_meta":{…}`. Empty when there are none. */
  rest: string;
}

type ServerItems = Record<CatalogueKind, CatalogueItem[]>;

const NOTHING: ServerItems = { tools: [], resources: [], resourceTemplates: [], prompts: [] };

/**
 * What all servers offer, in memory: every list, and every look-up on the call path, is answered from here.
 *
 * A server that is not reachable keeps its items (calls say why they fail); a disabled or removed one has none.
 * Order is by slug, then as the server lists.
 */
@Injectable()
export class Catalogue {
  /** Grows with every change. */
  revision = 0;
  private readonly servers = new Map<string, ServerItems>();
  private readonly byPublicName = {
    tools: new Map<string, CatalogueItem>(),
    prompts: new Map<string, CatalogueItem>(),
  };
  private readonly byName = new Map<string, CatalogueItem>();
  private readonly facts = new Map<string, ListFacts>();
  private readonly owners = new Map<string, string[]>();
  /** Servers whose tools have a resource as their face, which need not be listed. */
  private readonly faces = new Map<string, string[]>();
  private readonly ready = new Map<string, ReadyList>();
  private readonly listeners = new Set<(slug: string, kinds: CatalogueKind[]) => void>();

  /** The servers that offer something, in order. */
  get slugs(): string[] {
    return [...this.servers.keys()].sort();
  }

  /** Replaces what a server offers of some kinds. @returns the kinds that are different now */
  set(slug: string, lists: Partial<ServerItems>): CatalogueKind[] {
    const before = this.servers.get(slug) ?? NOTHING;
    const changed = KINDS.filter((kind) => lists[kind] && !sameItems(before[kind], lists[kind]));
    if (changed.length > 0) {
      this.servers.set(slug, { ...before, ...lists });
      this.index(slug, changed);
    }
    return changed;
  }

  /** Keeps what a server says of one of its lists; nobody is told, since no item is another. */
  describe(slug: string, kind: CatalogueKind, facts: ListFacts): void {
    const key = `${slug} ${kind}`;
    const before = this.facts.get(key);
    this.facts.set(key, facts);
    if (before?.ttlMs !== facts.ttlMs || before?.cacheScope !== facts.cacheScope || before?.rest !== facts.rest)
      this.revision++;
  }

  /** What a server said of one of its lists; undefined until it was read. */
  factsOf(slug: string, kind: CatalogueKind): ListFacts | undefined {
    return this.facts.get(`${slug} ${kind}`);
  }

  remove(slug: string): void {
    for (const kind of KINDS) this.facts.delete(`${slug} ${kind}`);
    const before = this.servers.get(slug);
    if (!before) return;
    this.servers.delete(slug);
    this.index(
      slug,
      KINDS.filter((kind) => before[kind].length > 0),
    );
  }

  counts(slug: string): Record<CatalogueKind, number> {
    const { tools, resources, resourceTemplates, prompts } = this.servers.get(slug) ?? NOTHING;
    return {
      tools: tools.length,
      resources: resources.length,
      resourceTemplates: resourceTemplates.length,
      prompts: prompts.length,
    };
  }

  /** The list of an endpoint: of one server, or of all under public names. */
  list(kind: CatalogueKind, slug?: string): ReadyList {
    const key = `${kind} ${slug ?? ''}`;
    const known = this.ready.get(key);
    if (known) return known;
    const items =
      slug === undefined ? this.slugs.flatMap((each) => this.itemsOf(each, kind)) : this.itemsOf(slug, kind);
    const list = readyList(items, slug === undefined);
    this.ready.set(key, list);
    return list;
  }

  itemsOf(slug: string, kind: CatalogueKind): readonly CatalogueItem[] {
    return this.servers.get(slug)?.[kind] ?? [];
  }

  /** A tool or prompt by the name it has on the aggregate endpoint. */
  find(kind: 'tools' | 'prompts', publicName: string): CatalogueItem | undefined {
    return this.byPublicName[kind].get(publicName);
  }

  /** An item by the name it has at its server. */
  findAt(slug: string, kind: CatalogueKind, name: string): CatalogueItem | undefined {
    return this.byName.get(`${slug} ${kind} ${name}`);
  }

  hintsOf(slug: string, tool: string): ToolHints | undefined {
    return this.findAt(slug, 'tools', tool)?.hints;
  }

  /**
   * Servers that have a resource under a URI, the likeliest first: those that list it or show their tools with it, else
   * those with a template that it is or fits, by how much of the URI the template says.
   */
  ownersOf(uri: string): string[] {
    const known = this.owners.get(uri) ?? this.faces.get(uri);
    if (known) return known;
    const said = new Map<string, number>();
    for (const slug of this.slugs)
      for (const { name } of this.itemsOf(slug, 'resourceTemplates')) {
        const length = name === uri ? Infinity : fitsTemplate(name, uri) ? literalLength(name) : -1;
        if (length > (said.get(slug) ?? -1)) said.set(slug, length);
      }
    return [...said].sort(([, a], [, b]) => (a === b ? 0 : b - a)).map(([slug]) => slug);
  }

  /** Hears at once which lists of which server changed. @returns the way to stop it */
  onChange(listener: (slug: string, kinds: CatalogueKind[]) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Says that lists of a server are to be read anew although it offers what it did: others of its items may be seen. */
  touch(slug: string, kinds: CatalogueKind[]): void {
    this.revision++;
    this.ready.clear();
    for (const listener of this.listeners) listener(slug, kinds);
  }

  private index(changedSlug: string, kinds: CatalogueKind[]): void {
    this.revision++;
    this.ready.clear();
    this.byPublicName.tools.clear();
    this.byPublicName.prompts.clear();
    this.byName.clear();
    this.owners.clear();
    this.faces.clear();
    for (const slug of this.slugs) {
      for (const kind of KINDS)
        for (const item of this.itemsOf(slug, kind)) {
          this.byName.set(`${slug} ${kind} ${item.name}`, item);
          if (kind === 'tools' || kind === 'prompts') this.byPublicName[kind].set(item.publicName, item);
          else if (kind === 'resources') add(this.owners, item.name, slug);
          const face = kind === 'tools' ? faceOf(item.text) : undefined;
          if (face !== undefined) add(this.faces, face, slug);
        }
    }
    for (const listener of this.listeners) listener(changedSlug, kinds);
  }
}

/** A list of any selection of items, for callers that may not see all. */
function readyList(items: readonly CatalogueItem[], isAggregate: boolean): ReadyList {
  const text = `[${items.map((item) => (isAggregate ? item.publicText : item.text)).join(',')}]`;
  return { items, text, tag: createHash('sha256').update(text).digest('base64url').slice(0, 22) };
}

function add(owners: Map<string, string[]>, uri: string, slug: string): void {
  const known = owners.get(uri) ?? [];
  if (!known.includes(slug)) owners.set(uri, [...known, slug]);
}

/** The resource that clients show a tool with (MCP Apps). */
function faceOf(tool: string): string | undefined {
  if (!tool.includes('resourceUri"')) return undefined;
  const member = memberAt(tool, ['_meta', 'ui', 'resourceUri']) ?? memberAt(tool, ['_meta', 'ui/resourceUri']);
  return member && tool[member.start] === '"'
    ? (JSON.parse(tool.slice(member.start, member.end)) as string)
    : undefined;
}

function sameItems(a: readonly CatalogueItem[], b: readonly CatalogueItem[]): boolean {
  return a.length === b.length && a.every((item, i) => item.text === b[i]?.text);
}
