import { Inject, Injectable } from '@nestjs/common';
import { Bus, ENV, LOGGER } from '@mcp-router/platform';
import {
  AppError,
  type DiscoveryEvent,
  type DiscoverySource,
  discoveryChanged,
  removeServer,
  updateServer,
} from '@mcp-router/shared';
import type { Logger } from 'pino';
import { v7 as uuid } from 'uuid';
import type { DiscoveryEnv } from '../config';
import { SOURCES } from '../sources';
import type { Sink } from '../sources/source';
import { ApprovalService } from './approval.service';
import { Book, type Change } from './book';
import { CandidatesStore } from './candidates.store';
import { merge } from './merge';

const RETRY_MS = 1000;
const MOST_MS = 60_000;

/** Keeps the book of the replica that has the lead: one report after the other, each written down before the next. */
@Injectable()
export class Keeper {
  private book: Book | undefined;
  private sources = new Map<string, DiscoverySource>();
  private turn: Promise<unknown> = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly store: CandidatesStore,
    private readonly approvals: ApprovalService,
    private readonly bus: Bus,
    @Inject(ENV) private readonly env: DiscoveryEnv,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  async open(): Promise<void> {
    const found = await this.store.load(Date.now());
    this.book = new Book(uuid, this.env.CANDIDATE_GRACE_SECONDS * 1000, found);
    this.schedule();
  }

  async close(): Promise<void> {
    clearTimeout(this.timer);
    this.book = undefined;
    await this.turn.catch(() => undefined);
  }

  /** The sources there are; what only others saw is withdrawn. */
  async setSources(sources: readonly DiscoverySource[]): Promise<void> {
    this.sources = new Map(sources.map((source) => [source.id, source]));
    await this.apply((book, now) => {
      const gone = new Set(book.all().flatMap(({ entries }) => entries.map(({ sourceId }) => sourceId)));
      return [...gone].filter((id) => !this.sources.has(id)).flatMap((id) => book.dropSource(id, now));
    });
  }

  sinkOf(sourceId: string): Sink {
    return {
      snapshot: (sightings) => this.apply((book, now) => book.snapshot(sourceId, unique(sightings), now)),
      replace: (prefix, sightings) =>
        this.apply((book, now) => book.snapshot(sourceId, unique(sightings), now, prefix)),
      upsert: (sighting) => this.apply((book, now) => book.sight(sourceId, sighting, now)),
      remove: (key) => this.apply((book, now) => book.withdraw(sourceId, key, now)),
    };
  }

  /** Whether this replica keeps the book now. */
  get isOpen(): boolean {
    return this.book !== undefined;
  }

  /** Looks something up in the book; undefined without the lead. */
  read<T>(look: (book: Book) => T): T | undefined {
    return this.book && look(this.book);
  }

  private apply(change: (book: Book, now: number) => Change[]): Promise<void> {
    const mine = this.turn.then(async () => {
      const { book } = this;
      if (!book)
        throw new AppError('no_instance', 'This replica does not follow the sources', {
          hint: 'Try again in a second',
        });
      const now = Date.now();
      const changes = change(book, now);
      if (changes.length > 0) await this.writeDown(book, changes, now);
      this.schedule();
    });
    this.turn = mine.catch(() => undefined);
    return mine;
  }

  /** The book has moved on already, so writing is tried until it succeeds; whoever reports waits meanwhile. */
  private async writeDown(book: Book, changes: Change[], now: number): Promise<void> {
    const removals = await this.whileLeading(book, () => this.approvedRemovals(changes));
    await this.whileLeading(book, () => this.store.save(changes, (found) => merge(found, this.priorityOf), now));
    for (const change of changes) this.tell(change);
    for (const server of removals)
      await this.attempt('a server that is gone', () => this.bus.call(removeServer, { server }));
    for (const change of changes) await this.follow(change);
  }

  private async whileLeading<T>(book: Book, write: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await write();
      } catch (error) {
        if (this.book !== book) throw error;
        this.log.warn({ err: error }, 'what was found cannot be written down; trying again');
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        if (this.book !== book) throw error;
      }
    }
  }

  /** Servers that a policy registered and nobody sees any more. */
  private async approvedRemovals(changes: Change[]): Promise<string[]> {
    const removed = changes.filter(({ type }) => type === 'removed');
    const approvals = await Promise.all(removed.map(({ candidate }) => this.store.approvalOf(candidate.id)));
    return approvals.flatMap((approval) => (approval?.by === 'policy' ? [approval.server] : []));
  }

  /** What the router has to know of a change. */
  private async follow({ type, candidate }: Change): Promise<void> {
    const { id } = candidate;
    const endpoint = candidate.entries[0]?.sighting.endpoint;
    if (type === 'moved' && endpoint && 'url' in endpoint) {
      const approval = await this.store.approvalOf(id);
      if (!approval) return;
      const changes = { url: endpoint.url };
      await this.attempt('a new address', () => this.bus.call(updateServer, { server: approval.server, changes }));
    }
    // One with an address is asked first; a command can only be taken as it stands.
    if ((type === 'found' || type === 'changed') && endpoint?.kind === 'stdio' && this.isAutomatic(candidate.entries))
      await this.attempt('an approval', () => this.approvals.approveByPolicy(id, false));
  }

  private isAutomatic(entries: Change['candidate']['entries']): boolean {
    return entries.some(({ sourceId }) => this.sources.get(sourceId)?.policy !== 'manual');
  }

  private async attempt(what: string, call: () => Promise<unknown>): Promise<void> {
    await call().catch((error: unknown) => this.log.warn({ err: error }, `the router did not take ${what}`));
  }

  private tell({ type, candidate, ...rest }: Change): void {
    const name = EVENTS[type];
    if (!name) return;
    const sighting = candidate.entries[0]?.sighting;
    const from = 'from' in rest ? rest.from : undefined;
    this.bus.record(discoveryChanged, {
      id: uuid(),
      at: new Date().toISOString(),
      type: name,
      candidateId: candidate.id,
      ...(sighting ? { name: sighting.name } : {}),
      ...(from && 'url' in from.endpoint ? { from: from.endpoint.url } : {}),
      ...(sighting && 'url' in sighting.endpoint ? { to: sighting.endpoint.url } : {}),
    });
  }

  private schedule(): void {
    clearTimeout(this.timer);
    const next = this.book?.nextExpiry() ?? Infinity;
    if (next === Infinity) return;
    const wait = Math.min(MOST_MS, Math.max(0, next - Date.now()));
    this.timer = setTimeout(() => void this.apply((book, now) => book.expire(now)).catch(() => undefined), wait + 1);
  }

  private readonly priorityOf = (sourceId: string): number => {
    const type = this.sources.get(sourceId)?.type;
    return SOURCES.find((source) => source.type === type)?.priority ?? 0;
  };
}

const EVENTS: Partial<Record<Change['type'], DiscoveryEvent['type']>> = {
  found: 'serverFound',
  returned: 'serverFound',
  moved: 'serverMoved',
  changed: 'serverChanged',
  lost: 'serverLost',
  removed: 'serverRemoved',
};

/** Of sightings with the same key the last counts. */
function unique<T extends { key: string }>(sightings: T[]): T[] {
  return [...new Map(sightings.map((sighting) => [sighting.key, sighting])).values()];
}
