import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Bus, LOGGER, recordEvent } from '@mcp-router/platform';
import { AppError, catalogueChanged } from '@mcp-router/shared';
import type { Logger } from 'pino';
import { modernEnvelope } from '../upstreams/handshake';
import { requestText } from '../upstreams/message';
import { SYSTEM_CALLER } from '../upstreams/system-caller';
import type { Upstream, UpstreamInfo } from '../upstreams/upstream';
import { Catalogue } from './catalogue';
import { changesBetween } from './catalogue-changes';
import { KINDS, type CatalogueItem, type CatalogueKind } from './catalogue-item';
import { readList } from './list-reader';
import type { Cancellation } from '../upstreams/cancellation';

/** Which lists a notification makes stale. */
const STALE: Record<string, CatalogueKind[]> = {
  'notifications/tools/list_changed': ['tools'],
  'notifications/prompts/list_changed': ['prompts'],
  'notifications/resources/list_changed': ['resources', 'resourceTemplates'],
};

const RETRY_MS = 5_000;
const MIN_TTL_MS = 30_000;
/** A burst of changes is told once. */
const TELL_AFTER_MS = 50;

type ServerItems = readonly CatalogueItem[];

/** One server that is followed. */
interface Feed {
  upstream: Upstream;
  stale: Set<CatalogueKind>;
  reading: boolean;
  /** Kinds that are being read. */
  inHand: Set<CatalogueKind>;
  /** Kinds that were read: what a first reading finds is not a change. */
  known: Set<CatalogueKind>;
  /** Why a kind that was never read could not be. */
  failures: Map<CatalogueKind, AppError>;
  /** Those who wait for a reading. */
  waiting: Set<() => void>;
  timer: NodeJS.Timeout | undefined;
  /** Ends the feed and its subscription. */
  over: AbortController;
  subscription: AbortController | undefined;
  stops: (() => void)[];
}

/** Keeps the catalogue true: reads a server's lists when it connects and when it says that they changed. */
@Injectable()
export class CatalogueFeed implements OnApplicationShutdown {
  private readonly feeds = new Map<string, Feed>();
  private readonly untold = new Set<string>();
  private tellTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly catalogue: Catalogue,
    private readonly bus: Bus,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    catalogue.onChange((slug) => this.tell(slug));
  }

  /** Follows a server from now on. */
  attach(upstream: Upstream): void {
    this.detach(upstream.slug);
    const feed: Feed = {
      upstream,
      stale: new Set(),
      reading: false,
      inHand: new Set(),
      known: new Set(),
      failures: new Map(),
      waiting: new Set(),
      timer: undefined,
      over: new AbortController(),
      subscription: undefined,
      stops: [],
    };
    feed.stops.push(
      upstream.onConnected(() => {
        this.refresh(feed, KINDS);
        if (upstream.info?.era === 'modern') void this.subscribe(feed, upstream.info);
      }),
      upstream.onUnsolicited(({ message }) => {
        const kinds = STALE[message.method ?? ''];
        if (kinds) this.refresh(feed, kinds);
        return false;
      }),
    );
    this.feeds.set(upstream.slug, feed);
    if (upstream.info) this.refresh(feed, KINDS);
  }

  /** Follows a server no longer; what it offered is gone. */
  detach(slug: string): void {
    const feed = this.feeds.get(slug);
    if (!feed) return;
    this.feeds.delete(slug);
    this.end(feed);
    this.catalogue.remove(slug);
  }

  /**
   * Waits until a list of a server has been read once, so that a server which has just started is not taken for one
   * that offers nothing.
   *
   * @throws AppError why the list cannot be read, `upstream_timeout` after `patienceMs`, `cancelled`
   */
  async firstReading(slug: string, kind: CatalogueKind, patienceMs: number, signal: Cancellation): Promise<void> {
    const feed = this.feeds.get(slug);
    if (!feed || feed.known.has(kind)) return;
    const isKnown = (): boolean => feed.known.has(kind) || feed.failures.has(kind) || isOver(feed);
    await untilTrue(feed.waiting, isKnown, patienceMs, signal);
    const failure = feed.failures.get(kind);
    if (failure) throw failure;
  }

  /**
   * Reads a list of a server anew, and waits for that; callers that come together share a reading.
   *
   * @throws AppError `upstream_timeout` after `patienceMs`, `cancelled`
   */
  async reread(slug: string, kind: CatalogueKind, patienceMs: number, signal: Cancellation): Promise<void> {
    const feed = this.feeds.get(slug);
    if (!feed) return;
    this.refresh(feed, [kind]);
    const isRead = (): boolean => !feed.stale.has(kind) && !feed.inHand.has(kind);
    await untilTrue(feed.waiting, () => isRead() || isOver(feed), patienceMs, signal);
  }

  /** Whether a list is being read. */
  get isReading(): boolean {
    return [...this.feeds.values()].some(({ reading }) => reading);
  }

  onApplicationShutdown(): void {
    clearTimeout(this.tellTimer);
    for (const feed of this.feeds.values()) this.end(feed);
    this.feeds.clear();
  }

  private end(feed: Feed): void {
    feed.over.abort();
    wake(feed);
    feed.subscription?.abort();
    clearTimeout(feed.timer);
    for (const stop of feed.stops) stop();
  }

  private refresh(feed: Feed, kinds: readonly CatalogueKind[]): void {
    for (const kind of kinds) feed.stale.add(kind);
    if (!feed.reading) void this.read(feed);
  }

  private async read(feed: Feed): Promise<void> {
    feed.reading = true;
    clearTimeout(feed.timer);
    try {
      while (feed.stale.size > 0 && !isOver(feed)) {
        const kinds = [...feed.stale];
        feed.stale.clear();
        await Promise.all(kinds.map((kind) => this.readKind(feed, kind)));
      }
    } finally {
      feed.reading = false;
    }
  }

  /** Each kind by itself: a server whose prompts cannot be read still has its tools. */
  private async readKind(feed: Feed, kind: CatalogueKind): Promise<void> {
    const { upstream } = feed;
    feed.inHand.add(kind);
    try {
      const { items, facts, refused } = await readList(upstream, kind);
      if (isOver(feed)) return;
      for (const tool of refused) this.logger.warn({ server: upstream.slug }, `a tool is not offered: ${tool}`);
      const before = this.catalogue.itemsOf(upstream.slug, kind);
      this.catalogue.describe(upstream.slug, kind, facts);
      this.catalogue.set(upstream.slug, { [kind]: items });
      if (feed.known.has(kind)) this.recordChanges(upstream.slug, kind, before, items);
      feed.known.add(kind);
      feed.failures.delete(kind);
      const { ttlMs } = facts;
      if (ttlMs !== undefined && ttlMs > 0 && !feed.subscription) this.later(feed, Math.max(MIN_TTL_MS, ttlMs));
    } catch (error) {
      const failure = AppError.from(error);
      const { code, detail } = failure;
      if (!feed.known.has(kind) && code !== 'upstream_unavailable') feed.failures.set(kind, failure);
      this.logger.warn({ server: upstream.slug, kind, code }, `a list could not be read: ${detail}`);
      // A server that is not reachable is read when it connects.
      if (code !== 'upstream_unavailable') this.later(feed, RETRY_MS);
    } finally {
      feed.inHand.delete(kind);
      wake(feed);
    }
  }

  /** Every replica reads the same lists: the first of them tells what changed. */
  private recordChanges(server: string, kind: CatalogueKind, before: ServerItems, after: ServerItems): void {
    const changes = changesBetween(before, after);
    if (!changes || this.bus.instances('router').sort()[0] !== this.bus.instanceId) return;
    recordEvent(this.bus, 'catalogue.changed', { server, data: { kind, ...changes } });
  }

  private later(feed: Feed, ms: number): void {
    clearTimeout(feed.timer);
    if (!feed.over.signal.aborted) feed.timer = setTimeout(() => this.refresh(feed, KINDS), ms).unref();
  }

  /** A modern server says what changed on a subscription only. */
  private async subscribe(feed: Feed, info: UpstreamInfo): Promise<void> {
    const notifications = {
      ...(listChanges(info, 'tools') && { toolsListChanged: true }),
      ...(listChanges(info, 'prompts') && { promptsListChanged: true }),
      ...(listChanges(info, 'resources') && { resourcesListChanged: true }),
    };
    feed.subscription?.abort();
    if (Object.keys(notifications).length === 0) return;
    const control = new AbortController();
    feed.subscription = control;
    try {
      await feed.upstream.openSubscription({
        ...SYSTEM_CALLER,
        message: requestText('"catalogue"', 'subscriptions/listen', {
          _meta: modernEnvelope(info.protocolVersion),
          notifications,
        }),
        signal: control.signal,
        onMessage: ({ method }) => {
          const kinds = STALE[method ?? ''];
          if (kinds) this.refresh(feed, kinds);
        },
      });
    } catch (error) {
      this.logger.debug({ server: feed.upstream.slug }, `the subscription ended: ${AppError.from(error).detail}`);
    }
    if (control.signal.aborted || feed.over.signal.aborted) return;
    // The connection may live on without it: ask again, and read what was missed.
    setTimeout(() => {
      if (feed.subscription !== control || feed.over.signal.aborted || feed.upstream.state !== 'ready') return;
      this.refresh(feed, KINDS);
      void this.subscribe(feed, info);
    }, RETRY_MS).unref();
  }

  private tell(slug: string): void {
    this.untold.add(slug);
    this.tellTimer ??= setTimeout(() => {
      this.tellTimer = undefined;
      const servers = [...this.untold];
      this.untold.clear();
      const { revision } = this.catalogue;
      this.bus
        .broadcast(catalogueChanged, { instance: this.bus.instanceId, revision, servers })
        .catch((error: unknown) => {
          this.logger.warn({ err: error }, 'a change of the catalogue could not be told');
        });
    }, TELL_AFTER_MS);
  }
}

function listChanges({ capabilities }: UpstreamInfo, kind: string): boolean {
  return (capabilities[kind] as { listChanged?: boolean } | undefined)?.listChanged === true;
}

function wake({ waiting }: Feed): void {
  for (const look of [...waiting]) look();
}

/** Resolves when a condition, looked at whenever the waiting are woken, is true. */
function untilTrue(
  waiting: Set<() => void>,
  isTrue: () => boolean,
  patienceMs: number,
  signal: Cancellation,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (settle: () => void): void => {
      clearTimeout(timer);
      waiting.delete(look);
      signal.removeEventListener('abort', cancel);
      settle();
    };
    const look = (): void => {
      if (isTrue()) done(resolve);
    };
    const cancel = (): void => done(() => reject(new AppError('cancelled', 'The request was cancelled')));
    const timer = setTimeout(
      () => done(() => reject(new AppError('upstream_timeout', `The server gave no list within ${patienceMs} ms`))),
      patienceMs,
    );
    waiting.add(look);
    signal.addEventListener('abort', cancel, { once: true });
    look();
    if (signal.aborted) cancel();
  });
}

const isOver = ({ over }: Feed): boolean => over.signal.aborted;
