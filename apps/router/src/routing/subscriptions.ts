import {
  applyEdits,
  ENVELOPE,
  memberAt,
  readRpc,
  removeMembers,
  SYSTEM_PRINCIPAL,
  type RpcText,
} from '@mcp-router/shared';
import { errorCodeOf } from '../translation/results';
import { stringParam, withEnvelope } from '../translation/envelope';
import { outcomeOf } from '../upstreams/message';
import type { Caller, Upstream } from '../upstreams/upstream';
import { Refused } from './response';

/** Who wants to hear of a resource. */
export interface Subscriber {
  /** @param notification `notifications/resources/updated` without a subscription id */
  updated(notification: string): void;
}

interface Watch {
  upstream: Upstream;
  uri: string;
  subscribers: Set<Subscriber>;
  /** Whose connection it is on; the router's own on a shared one. */
  caller: Caller;
  stop: AbortController;
  /** Settles when the server has taken the subscription, or not. */
  opening: Promise<void>;
  /** At modern servers: ends the pause before it is listened to again. */
  again: (() => void) | undefined;
}

/** Before a modern server that ended the stream is listened to again, in milliseconds; a new connection ends the wait. */
const AGAIN_MS = 5_000;
const NEVER = new AbortController().signal;

/**
 * Subscriptions to resources: one at the server for all clients that watch the same URI, in the form of the server's
 * era, made again when the server comes back.
 */
export class Subscriptions {
  private readonly watches = new Map<string, Watch>();

  close(): void {
    for (const watch of this.watches.values()) watch.stop.abort();
  }

  /** @throws AppError what the server says against it */
  async add(upstream: Upstream, uri: string, subscriber: Subscriber, caller: Caller): Promise<void> {
    const key = keyOf(upstream, uri, caller);
    const existing = this.watches.get(key);
    if (existing) {
      existing.subscribers.add(subscriber);
      return existing.opening;
    }
    const watch: Watch = {
      upstream,
      uri,
      subscribers: new Set([subscriber]),
      caller: upstream.isolation === 'shared' ? { principal: SYSTEM_PRINCIPAL } : caller,
      stop: new AbortController(),
      opening: Promise.resolve(),
      again: undefined,
    };
    this.watches.set(key, watch);
    watch.opening = this.open(watch);
    try {
      await watch.opening;
    } catch (error) {
      if (this.watches.get(key) === watch) this.watches.delete(key);
      throw error;
    }
  }

  /** Ends what a subscriber hears of a resource, whichever server that comes from. @returns whether it heard of it */
  async remove(uri: string, subscriber: Subscriber, caller: Caller): Promise<boolean> {
    const watches = this.watchesOf(subscriber).filter((watch) => watch.uri === uri);
    await Promise.all(watches.map((watch) => this.leave(watch, subscriber, caller)));
    return watches.length > 0;
  }

  /** Drops a subscriber everywhere. */
  removeAll(subscriber: Subscriber, caller: Caller): void {
    for (const watch of this.watchesOf(subscriber)) this.leave(watch, subscriber, caller).catch(() => undefined);
  }

  private watchesOf(subscriber: Subscriber): Watch[] {
    return [...this.watches.values()].filter(({ subscribers }) => subscribers.has(subscriber));
  }

  private async leave(watch: Watch, subscriber: Subscriber, caller: Caller): Promise<void> {
    const { upstream, uri, subscribers } = watch;
    subscribers.delete(subscriber);
    if (subscribers.size > 0) return;
    this.watches.delete(keyOf(upstream, uri, caller));
    watch.stop.abort();
    if (upstream.info?.era === 'legacy') await ask(upstream, caller, 'resources/unsubscribe', uri);
  }

  /**
   * Tells the subscribers of a resource, or of one that contains it.
   *
   * @param agentId whose connection it came on; undefined on one that all share
   */
  updated(slug: string, notification: RpcText, agentId?: string): void {
    const uri = stringParam(notification, ['uri']) ?? '';
    for (const watch of this.watches.values()) {
      if (watch.upstream.slug !== slug || (watch.uri !== uri && !uri.startsWith(watch.uri))) continue;
      if (agentId === undefined || watch.caller.principal.agentId === agentId) tell(watch, notification.text);
    }
  }

  /** Makes the subscriptions again that belong on a server's new connection. @param caller whose it is, if it is not shared */
  renew(upstream: Upstream, caller: Caller | undefined): void {
    for (const watch of this.watches.values()) {
      // A server that refuses now is asked again when it comes back the next time.
      if (watch.upstream === upstream && isOn(watch, caller)) this.open(watch).catch(() => undefined);
    }
  }

  private async open(watch: Watch): Promise<void> {
    const { upstream, uri, caller } = watch;
    const info = upstream.info ?? (await upstream.ready());
    if (info.era === 'modern') {
      if (watch.again) watch.again();
      else void listen(watch);
      return;
    }
    const outcome = outcomeOf(await ask(upstream, caller, 'resources/subscribe', uri));
    if ('error' in outcome) throw new Refused(outcome.error);
  }
}

/**
 * Listens to a modern server on a stream of its own until the watch ends: a stream may end while the connection lives,
 * and is opened again.
 */
async function listen(watch: Watch): Promise<void> {
  const { upstream, uri, caller, stop } = watch;
  const envelope = { capabilities: '{}', clientInfo: undefined, logLevel: undefined };
  const message = withEnvelope(
    request('subscriptions/listen', { notifications: { resourceSubscriptions: [uri] } }),
    envelope,
  );
  const onMessage = (notification: RpcText): void => {
    if (notification.method === 'notifications/resources/updated') tell(watch, withoutSubscriptionId(notification));
  };
  while (!stop.signal.aborted && upstream.info?.era === 'modern') {
    // The new connection may be heard of before the end of the old stream.
    const renewal = { came: false };
    watch.again = () => (renewal.came = true);
    const answer = await upstream
      .openSubscription({ ...caller, message, signal: stop.signal, onMessage })
      .catch(() => undefined);
    if (answer !== undefined && errorCodeOf(answer) !== undefined) break;
    if (!renewal.came) await untilAgain(watch);
  }
  watch.again = undefined;
}

function untilAgain(watch: Watch): Promise<void> {
  const { signal } = watch.stop;
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, AGAIN_MS).unref();
    signal.addEventListener('abort', done, { once: true });
    watch.again = done;
    if (signal.aborted) done();
  });
}

function tell({ subscribers }: Watch, notification: string): void {
  for (const subscriber of subscribers) subscriber.updated(notification);
}

/** Whether a watch belongs on the connection of `caller`. */
function isOn(watch: Watch, caller: Caller | undefined): boolean {
  if (watch.upstream.isolation === 'shared') return true;
  if (!caller) return false;
  return keyOf(watch.upstream, watch.uri, watch.caller) === keyOf(watch.upstream, watch.uri, caller);
}

/** Callers with connections of their own have subscriptions of their own. */
function keyOf({ slug, isolation }: Upstream, uri: string, { principal, sessionKey }: Caller): string {
  if (isolation === 'shared') return `${slug} ${uri}`;
  return `${slug} ${uri} ${principal.agentId} ${isolation === 'session' ? (sessionKey ?? '') : ''}`;
}

function request(method: string, params: object): RpcText {
  return readRpc(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }));
}

function ask(upstream: Upstream, caller: Caller, method: string, uri: string): Promise<string> {
  return upstream.exchange({ ...caller, message: request(method, { uri }), signal: NEVER });
}

function withoutSubscriptionId({ text, params }: RpcText): string {
  const meta = params && memberAt(text, ['_meta'], params.start);
  return meta ? applyEdits(text, removeMembers(text, meta.start, [ENVELOPE.subscriptionId])) : text;
}
