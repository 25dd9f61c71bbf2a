import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { ENV, LOGGER, Outbound, msToStop } from '@mcp-router/platform';
import type { ServerState } from '@mcp-router/shared';
import type { Logger } from 'pino';
import { authorized } from '../authorization/authorized-dispatch';
import { Authorizer } from '../authorization/authorizer';
import { GrantStore } from '../authorization/grant-store';
import { CatalogueFeed } from '../catalogue/catalogue-feed';
import { Catalogue } from '../catalogue/catalogue';
import { Reaper } from '../processes/reaper';
import type { RouterEnv } from '../config';
import type { ServerSpec } from './server-spec';
import { SupervisedUpstream } from './supervised-upstream';
import type { Upstream } from './upstream';

/** How long the calls in flight of a removed server may take to finish; whoever removed it waits for that. */
const REMOVAL_DRAIN_MS = 5_000;
/** When the process stops, calls over the bus have finished before; those of workflows have what is left of the time. */
const LEAST_DRAIN_MS = 1_000;

/** A server's connections came to another state, in this process. */
export interface StateChange {
  server: string;
  from: ServerState | null;
  to: ServerState;
  lastError: string | null;
}

interface Supervised {
  upstream: SupervisedUpstream;
  outbound: Outbound;
  /** Of a server that wants tokens. */
  authorizer: Authorizer | undefined;
}

/** Every upstream of this process by slug: the supervised servers and those built into the router. */
@Injectable()
export class UpstreamRegistry implements BeforeApplicationShutdown {
  readonly reaper: Reaper;
  private readonly supervised = new Map<string, Supervised>();
  private readonly builtin = new Map<string, Upstream>();
  private readonly lastStates = new Map<string, string>();
  private readonly settledStates = new Map<string, ServerState>();
  private readonly stateListeners = new Set<(change: StateChange) => void>();
  private readonly addedListeners = new Set<(upstream: Upstream) => void>();

  constructor(
    private readonly catalogue: Catalogue,
    private readonly feed: CatalogueFeed,
    @Inject(ENV) private readonly env: RouterEnv,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly grants: GrantStore,
  ) {
    this.reaper = new Reaper(
      (group, rssBytes) => logger.warn({ pid: group, rssBytes }, 'a server used more memory than it may and was ended'),
      { parent: env.MCPR_CGROUP },
    );
    if (env.MCPR_CGROUP !== undefined && !this.reaper.cgroups)
      logger.warn(
        { folder: env.MCPR_CGROUP },
        'MCPR_CGROUP is no cgroup v2 that can be written to; limits are left to setrlimit',
      );
  }

  get(slug: string): Upstream | undefined {
    return this.supervised.get(slug)?.upstream ?? this.builtin.get(slug);
  }

  /** A server with a definition; undefined for built-in ones. */
  supervisedBy(slug: string): SupervisedUpstream | undefined {
    return this.supervised.get(slug)?.upstream;
  }

  /** Of a server with `oauth`. */
  authorizerOf(slug: string): Authorizer | undefined {
    return this.supervised.get(slug)?.authorizer;
  }

  get builtins(): readonly Upstream[] {
    return [...this.builtin.values()];
  }

  all(): Upstream[] {
    return [...[...this.supervised.values()].map(({ upstream }) => upstream), ...this.builtin.values()];
  }

  /** Hears of each server that is there now or is added later. @returns the way to stop it */
  onAdded(listener: (upstream: Upstream) => void): () => void {
    this.addedListeners.add(listener);
    for (const upstream of this.all()) listener(upstream);
    return () => this.addedListeners.delete(listener);
  }

  /** Hears when a server comes to another state; that it is starting is no news. @returns the way to stop it */
  onStateChanged(listener: (change: StateChange) => void): () => void {
    this.stateListeners.add(listener);
    return () => this.stateListeners.delete(listener);
  }

  /** Adds an upstream that is part of the router; it is in the catalogue like any other. */
  addBuiltin(upstream: Upstream): void {
    this.builtin.set(upstream.slug, upstream);
    this.feed.attach(upstream);
    for (const listener of this.addedListeners) listener(upstream);
  }

  /** Starts a server, or takes its changed definition; a server whose definition is the same is left alone. */
  apply(spec: ServerSpec): void {
    const known = this.supervised.get(spec.slug);
    if (!known) return this.add(spec);
    if (JSON.stringify(known.upstream.spec) === JSON.stringify(spec)) return;
    if (addressOf(known.upstream.spec) !== addressOf(spec)) {
      // Another address is another server, and so it is with other credentials: what was known of the old one goes.
      void this.remove(spec.slug).catch(this.logFailure);
      return this.add(spec);
    }
    known.upstream.reconfigure(spec);
    if (!spec.enabled) this.catalogue.remove(spec.slug);
  }

  /** Resolves when every server is up and read, or known to be down; after `patienceMs` in any case. */
  async settled(patienceMs: number): Promise<void> {
    const end = Date.now() + patienceMs;
    const isSettling = (): boolean => this.feed.isReading || this.all().some(({ state }) => state === 'starting');
    while (isSettling() && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  /** Ends a server; calls in flight have a moment to finish. */
  async remove(slug: string): Promise<void> {
    const known = this.supervised.get(slug);
    if (!known) return;
    this.supervised.delete(slug);
    this.lastStates.delete(slug);
    this.settledStates.delete(slug);
    this.feed.detach(slug);
    await known.upstream.close(REMOVAL_DRAIN_MS);
    await known.outbound.close();
  }

  async beforeApplicationShutdown(): Promise<void> {
    const all = [...this.supervised.values()];
    await Promise.all(all.map(({ upstream }) => upstream.close(Math.max(LEAST_DRAIN_MS, msToStop()))));
    await Promise.all(all.map(({ outbound }) => outbound.close()));
    await this.reaper.close();
  }

  private add(spec: ServerSpec): void {
    const outbound = new Outbound({
      // What an operator wrote into a file of this installation was chosen by this installation.
      allow: [...this.env.OUTBOUND_ALLOW, ...(spec.trustsAddress ? hostOf(spec) : [])],
      connectTimeoutMs: spec.connectTimeoutMs,
    });
    const authorizer = this.authorizerFor(spec, outbound);
    const upstream = new SupervisedUpstream(spec, {
      reaper: this.reaper,
      dispatcher: authorizer ? outbound.dispatcher.compose(authorized(authorizer)) : outbound.dispatcher,
      maxMessageBytes: this.env.MAX_MESSAGE_BYTES,
      maxQueue: this.env.MAX_QUEUED_CALLS,
      hintsOf: (slug, tool) => this.catalogue.hintsOf(slug, tool),
      onChange: (changed) => this.stateChanged(changed),
    });
    this.supervised.set(spec.slug, { upstream, outbound, authorizer });
    this.feed.attach(upstream);
    for (const listener of this.addedListeners) listener(upstream);
    upstream.start();
  }

  private authorizerFor({ slug, transport, oauth }: ServerSpec, outbound: Outbound): Authorizer | undefined {
    if (!oauth || transport.type === 'stdio') return undefined;
    return new Authorizer({ slug, url: transport.url, oauth, outbound, store: this.grants });
  }

  private stateChanged(upstream: SupervisedUpstream): void {
    this.logState(upstream);
    const { slug, state, lastError } = upstream;
    const before = this.settledStates.get(slug);
    if (state === 'starting' || state === before) return;
    this.settledStates.set(slug, state);
    for (const listener of this.stateListeners) listener({ server: slug, from: before ?? null, to: state, lastError });
  }

  private logState({ slug, state, lastError, nextRetryAt }: SupervisedUpstream): void {
    const said = `${state} ${state === 'ready' ? '' : (lastError ?? '')}`;
    if (this.lastStates.get(slug) === said) return;
    this.lastStates.set(slug, said);
    const level = state === 'unreachable' || state === 'degraded' ? 'warn' : 'info';
    this.logger[level](
      { server: slug, state, ...(lastError !== null && { lastError }), ...(nextRetryAt && { nextRetryAt }) },
      'server',
    );
  }

  private readonly logFailure = (error: unknown): void =>
    this.logger.error({ err: error }, 'a server could not be ended');
}

function addressOf({ transport, oauth }: ServerSpec): string {
  return JSON.stringify(transport.type === 'stdio' ? [transport.command, transport.args] : [transport.url, oauth]);
}

/** The host of a definition as an entry of an allow-list. */
function hostOf({ transport }: ServerSpec): string[] {
  if (transport.type === 'stdio') return [];
  const { hostname, port, protocol } = new URL(transport.url);
  return [`${hostname}:${port || (protocol === 'https:' ? '443' : '80')}`];
}
