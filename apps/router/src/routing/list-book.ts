import { createHash } from 'node:crypto';
import { type Principal } from '@mcp-router/shared';
import type { Catalogue } from '../catalogue/catalogue';
import type { CatalogueItem, CatalogueKind } from '../catalogue/catalogue-item';
import { toolForLegacy } from '../translation/results';
import type { Era } from '../upstreams/upstream';
import type { Directory } from './directory';
import type { Visibility } from './visibility';

/** A list as clients get it. */
export interface ListResult {
  /** The `result` object, JSON text. */
  text: string;
  /** The same on every replica that has the same list. */
  tag: string;
}

/** Lists kept at once; each combination of endpoint, era and policy is one. */
const MAX_LISTS = 256;

/** Builds the lists of tools, resources, templates and prompts, and keeps them until the catalogue changes. */
export class ListBook {
  private readonly lists = new Map<string, ListResult>();
  private revision = -1;

  constructor(
    private readonly catalogue: Catalogue,
    private readonly directory: Directory,
    private readonly visibility: Visibility,
  ) {}

  /** @param endpoint slug of a server, `undefined` for all */
  list(kind: CatalogueKind, endpoint: string | undefined, era: Era, principal: Principal): ListResult {
    if (this.revision !== this.catalogue.revision) {
      this.revision = this.catalogue.revision;
      this.lists.clear();
    }
    const key = `${kind} ${endpoint ?? ''} ${era} ${kind === 'tools' ? policyKey(principal) : ''}`;
    let list = this.lists.get(key);
    if (!list) {
      list = this.build(kind, endpoint, era, principal);
      if (this.lists.size >= MAX_LISTS) this.lists.clear();
      this.lists.set(key, list);
    }
    return list;
  }

  private build(kind: CatalogueKind, endpoint: string | undefined, era: Era, principal: Principal): ListResult {
    const { items } = this.catalogue.list(kind, endpoint);
    const seen = kind === 'tools' ? items.filter((item) => this.visibility.isVisible(item, principal)) : items;
    const texts = seen.map((item) => this.render(item, endpoint === undefined, era));
    const head = era === 'modern' ? '"resultType":"complete","ttlMs":0,"cacheScope":"private",' : '';
    const text = `{${head}"${kind}":[${texts.join(',')}]}`;
    return { text, tag: createHash('sha256').update(text).digest('base64url').slice(0, 22) };
  }

  private render(item: CatalogueItem, isAggregate: boolean, era: Era): string {
    const text = isAggregate ? item.publicText : item.text;
    const isForeign = era === 'legacy' && this.directory.upstream(item.server)?.info?.era === 'modern';
    return item.kind === 'tools' && isForeign ? toolForLegacy(text) : text;
  }
}

/** All that decides which tools a caller sees. */
function policyKey({ role, policy: { allow, deny } }: Principal): string {
  return deny.length === 0 && allow.length === 1 && allow[0] === '*' ? role : JSON.stringify([role, allow, deny]);
}
