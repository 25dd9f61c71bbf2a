import { ENVELOPE, type Principal } from '@mcp-router/shared';
import type { Catalogue } from '../catalogue/catalogue';
import type { CatalogueItem, CatalogueKind } from '../catalogue/catalogue-item';
import { toolForLegacy } from '../translation/results';
import type { Quarantine } from '../quarantine/quarantine';
import type { Era } from '../upstreams/upstream';
import type { Directory } from './directory';
import { SERVER_INFO } from './endpoint';
import { PagedList, type ListResult } from './paged-list';
import type { VirtualServers } from '../virtual-servers/virtual-servers.service';
import type { Visibility } from './visibility';

/** Lists kept at once; each combination of endpoint, era and policy is one. */
const MAX_LISTS = 256;

const OURS = `"_meta":{"${ENVELOPE.serverInfo}":${JSON.stringify(SERVER_INFO)}}`;

/** Builds the lists of tools, resources, templates and prompts, and keeps them until the catalogue changes. */
export class ListBook {
  private readonly lists = new Map<string, PagedList>();
  private revision = '';

  constructor(
    private readonly catalogue: Catalogue,
    private readonly virtuals: Pick<VirtualServers, 'view' | 'revision'>,
    private readonly directory: Directory,
    private readonly visibility: Visibility,
    private readonly quarantine: Quarantine,
    /** Most items of one page. */
    private readonly pageSize: number,
  ) {}

  /**
   * @param endpoint slug of a server, `undefined` for all
   * @param cursor where a page begins, `undefined` for the first
   * @throws AppError `invalid_cursor`
   */
  list(kind: CatalogueKind, endpoint: string | undefined, era: Era, principal: Principal, cursor?: string): ListResult {
    const revision = `${this.catalogue.revision} ${this.virtuals.revision}`;
    if (this.revision !== revision) {
      this.revision = revision;
      this.lists.clear();
    }
    const key = `${kind} ${endpoint ?? ''} ${era} ${kind === 'tools' ? policyKey(principal) : ''}`;
    let list = this.lists.get(key);
    if (!list) {
      list = this.build(kind, endpoint, era, principal);
      if (this.lists.size >= MAX_LISTS) this.lists.clear();
      this.lists.set(key, list);
    }
    return list.page(cursor);
  }

  private build(kind: CatalogueKind, endpoint: string | undefined, era: Era, principal: Principal): PagedList {
    const view = endpoint === undefined ? undefined : this.virtuals.view(endpoint);
    const items = view ? view.items[kind] : this.catalogue.list(kind, endpoint).items;
    const seen = kind === 'tools' ? items.filter((item) => this.isShown(item, principal)) : items;
    const parts = {
      name: `${kind} ${endpoint ?? ''}`,
      head: this.head(kind, view ? [...view.members] : endpoint, era, seen.length < items.length),
      member: kind,
      items: seen.map((item) => ({
        key: `${item.server} ${item.name}`,
        text: this.render(item, endpoint === undefined, era),
      })),
    };
    return new PagedList(parts, this.pageSize);
  }

  /**
   * What goes before the items: of one server what it said itself; of all of them the shortest time that any of them
   * allows, and `public` only if all say so. A list that a policy has shortened is for its caller only.
   */
  private head(kind: CatalogueKind, endpoint: string | string[] | undefined, era: Era, isShortened: boolean): string {
    const isSingle = typeof endpoint === 'string';
    const slugs = isSingle ? [endpoint] : (endpoint ?? this.catalogue.slugs);
    const said = slugs.flatMap((slug) => this.catalogue.factsOf(slug, kind) ?? []);
    const rest = isSingle ? (said[0]?.rest ?? '') : era === 'modern' ? OURS : '';
    const fields = [rest];
    if (era === 'modern') {
      const ttlMs = said.length === 0 ? 0 : Math.min(...said.map((facts) => facts.ttlMs ?? 0));
      const isPublic = said.length > 0 && said.every(({ cacheScope }) => cacheScope === 'public') && !isShortened;
      fields.unshift(`"resultType":"complete","ttlMs":${ttlMs},"cacheScope":"${isPublic ? 'public' : 'private'}"`);
    }
    return fields.map((field) => (field === '' ? '' : `${field},`)).join('');
  }

  /** What a poisoned definition does it does by being read, so a held tool is not shown. */
  private isShown(tool: CatalogueItem, principal: Principal): boolean {
    return this.visibility.isVisible(tool, principal) && !this.quarantine.isHeld(tool.server, tool.name);
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
