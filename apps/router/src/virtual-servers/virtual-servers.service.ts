import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Bus, recordEvent } from '@mcp-router/platform';
import {
  AppError,
  changedMeanwhile,
  virtualServersChanged,
  type NewVirtualServer,
  type VirtualMember,
  type VirtualServerChanges,
} from '@mcp-router/shared';
import { DataSource } from 'typeorm';
import { v7 } from 'uuid';
import { Catalogue } from '../catalogue/catalogue';
import { CatalogueFeed } from '../catalogue/catalogue-feed';
import { UpstreamRegistry } from '../upstreams/upstream-registry';
import { virtualView, type VirtualView } from './virtual-view';

/** A virtual server as it is stored. */
export interface VirtualServerRow {
  id: string;
  slug: string;
  description: string | null;
  members: VirtualMember[];
  version: number;
  created_at: Date;
  updated_at: Date;
}

const COLUMNS = 'id, slug, description, members, version, created_at, updated_at';
const MAX_TOLD = 20;
/** How long servers that have just started are waited for before their names are compared, in milliseconds. */
const PATIENCE_MS = 3_000;

/** The virtual servers: selections of tools at `/mcp/{slug}`, stored, and known to every replica. */
@Injectable()
export class VirtualServers implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  /** Grows with every change of a definition. */
  revision = 0;
  private rows = new Map<string, VirtualServerRow>();
  private readonly views = new Map<string, VirtualView>();
  private viewsAt = -1;
  private readonly listeners = new Set<(slugs: readonly string[]) => void>();
  private stops: (() => void)[] = [];
  private loading: Promise<void> = Promise.resolve();

  constructor(
    private readonly database: DataSource,
    private readonly catalogue: Catalogue,
    private readonly upstreams: UpstreamRegistry,
    private readonly feed: CatalogueFeed,
    private readonly bus: Bus,
  ) {}

  onModuleInit(): Promise<void> {
    return this.load();
  }

  onApplicationBootstrap(): void {
    const again = () => void this.load().catch(() => undefined);
    this.stops = [this.bus.listen(virtualServersChanged, again), this.bus.onResume(again)];
  }

  onApplicationShutdown(): void {
    for (const stop of this.stops) stop();
  }

  /** As they are stored now, in the order of their slugs: another replica may just have changed one. */
  async list(): Promise<VirtualServerRow[]> {
    await this.load();
    return [...this.rows.values()].sort((a, b) => (a.slug < b.slug ? -1 : 1));
  }

  /** As it is stored now. @param ref slug or id @throws AppError `not_found` */
  async get(ref: string): Promise<VirtualServerRow> {
    const row = (await this.list()).find(({ id, slug }) => slug === ref || id === ref.toLowerCase());
    if (!row) throw new AppError('not_found', `No virtual server is called "${ref.slice(0, 64)}"`);
    return row;
  }

  /** What `/mcp/{slug}` offers if the slug is a virtual server's; a server of the same name goes first. */
  view(slug: string): VirtualView | undefined {
    const row = this.rows.get(slug);
    if (!row || this.upstreams.get(slug)) return undefined;
    if (this.viewsAt !== this.catalogue.revision) {
      this.viewsAt = this.catalogue.revision;
      this.views.clear();
    }
    let view = this.views.get(slug);
    if (!view) this.views.set(slug, (view = virtualView(this.catalogue, row.members)));
    return view;
  }

  /** Whether what a server says concerns the clients of an endpoint; `undefined` is the aggregate. */
  covers(endpoint: string | undefined, slug: string): boolean {
    return endpoint === undefined || endpoint === slug || this.view(endpoint)?.members.has(slug) === true;
  }

  /** Hears of virtual servers that are others now. @returns the way to stop it */
  onChange(listener: (slugs: readonly string[]) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** @throws AppError `conflict` when the slug is taken or two servers have the same name, `invalid_request` */
  async add({ slug, description, servers }: NewVirtualServer): Promise<VirtualServerRow> {
    if (this.upstreams.get(slug)) throw taken(slug);
    await this.check(servers);
    const rows = await this.database.query<unknown[]>(
      `INSERT INTO router.virtual_server (id, slug, description, members)
       SELECT $1, $2, $3, $4 WHERE NOT EXISTS (SELECT FROM router.server WHERE slug = $2)
       ON CONFLICT DO NOTHING RETURNING id`,
      [v7(), slug, description ?? null, JSON.stringify(servers)],
    );
    if (rows.length === 0) throw taken(slug);
    await this.changed(slug, 'virtual_server.added');
    return this.get(slug);
  }

  /** @throws AppError `not_found`, `precondition_failed`, `conflict`, `invalid_request` */
  async update(ref: string, changes: VirtualServerChanges, ifMatch?: string): Promise<VirtualServerRow> {
    const row = await this.get(ref);
    const { description = row.description, servers = row.members } = changes;
    await this.check(servers);
    const [rows] = await this.database.query<[unknown[], number]>(
      `UPDATE router.virtual_server SET description = $3, members = $4, version = version + 1, updated_at = now()
       WHERE id = $1 AND version::text = $2 RETURNING id`,
      [row.id, ifMatch ?? String(row.version), description, JSON.stringify(servers)],
    );
    if (rows.length === 0) {
      await this.load();
      if (ifMatch === undefined && this.rows.has(row.slug)) return this.update(ref, changes);
      throw changedMeanwhile(row.slug);
    }
    await this.changed(row.slug, 'virtual_server.changed');
    return this.get(row.slug);
  }

  async remove(ref: string): Promise<void> {
    const { id, slug } = await this.get(ref);
    await this.database.query(`DELETE FROM router.virtual_server WHERE id = $1`, [id]);
    await this.changed(slug, 'virtual_server.removed');
  }

  private async check(servers: readonly VirtualMember[]): Promise<void> {
    const slugs = servers.map(({ server }) => server);
    const errors = slugs.flatMap((slug, i) => {
      const pointer = `/servers/${i}/server`;
      if (slugs.indexOf(slug) < i) return [{ pointer, detail: `"${slug}" is named twice` }];
      return this.upstreams.get(slug) ? [] : [{ pointer, detail: `No server is called "${slug}"` }];
    });
    if (errors.length > 0) throw new AppError('invalid_request', 'The servers cannot be taken together', { errors });
    await this.settled(slugs);
    const { clashes } = virtualView(this.catalogue, servers);
    if (clashes.length === 0) return;
    throw new AppError('conflict', `Several of the servers have the same names`, {
      errors: clashes.slice(0, MAX_TOLD).map(({ server, name }) => ({
        pointer: `/servers/${slugs.indexOf(server)}/tools`,
        detail: `"${name}" of "${server}" is taken by an earlier server`,
      })),
      hint: 'Name in "tools" what is wanted of each server',
    });
  }

  /** A server whose lists cannot be read offers nothing, now. */
  private async settled(slugs: readonly string[]): Promise<void> {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const readings = slugs.flatMap((slug) =>
      (['tools', 'prompts'] as const).map((kind) => this.feed.firstReading(slug, kind, PATIENCE_MS, signal)),
    );
    await Promise.allSettled(readings);
  }

  private async changed(
    slug: string,
    event: 'virtual_server.added' | 'virtual_server.changed' | 'virtual_server.removed',
  ): Promise<void> {
    await this.load();
    await this.bus.broadcast(virtualServersChanged, { slug });
    recordEvent(this.bus, event, { server: slug });
  }

  /** Reads what is stored after this moment; one reading after the other, so that the newest is the last. */
  private load(): Promise<void> {
    return (this.loading = this.loading.catch(() => undefined).then(() => this.read()));
  }

  private async read(): Promise<void> {
    const rows = await this.database.query<VirtualServerRow[]>(`SELECT ${COLUMNS} FROM router.virtual_server`);
    const before = this.rows;
    this.rows = new Map(rows.map((row) => [row.slug, row]));
    const slugs = new Set([...before.keys(), ...this.rows.keys()]);
    const others = [...slugs].filter((slug) => {
      const [old, now] = [before.get(slug), this.rows.get(slug)];
      return old?.id !== now?.id || old?.version !== now?.version;
    });
    if (others.length === 0) return;
    this.revision++;
    for (const slug of others) this.views.delete(slug);
    for (const listener of this.listeners) listener(others);
  }
}

function taken(slug: string): AppError {
  return new AppError('conflict', `A server named "${slug}" exists`);
}
