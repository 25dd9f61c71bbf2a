import type { LookupAddress, LookupOptions } from 'node:dns';
import { lookup as systemLookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { AppError } from '@mcp-router/shared';
import {
  Agent,
  type Dispatcher,
  Headers,
  type RequestInit,
  type Response,
  buildConnector,
  fetch,
  request,
} from 'undici';
import { type OutboundPolicy, outboundPolicy } from './policy';

export interface OutboundOptions {
  /** What may be requested beyond the public internet; see `outboundPolicy`. */
  allow?: readonly string[];
  connectTimeoutMs?: number;
  /** How names become addresses; all of a name's addresses are checked. The system's resolver by default. */
  resolve?: (hostname: string) => Promise<LookupAddress[]>;
}

/** One request whose answer may be thrown away or read as bytes; what `fetch` builds around that costs more than the exchange. */
export interface PlainRequest {
  method: 'GET' | 'POST' | 'DELETE';
  headers: Record<string, string>;
  body?: string;
  signal: AbortSignal;
}

export interface PlainResponse {
  status: number;
  headers: { get(name: string): string | null };
  /** Iterated over, or left. */
  body: AsyncIterable<Uint8Array> | null;
  /** Gives up the body; the connection is kept when little is left of it. */
  discard(): Promise<void>;
}

/** At most this many redirects are followed; each hop passes the guard anew. */
const MAX_REDIRECTS = 5;

const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;

/** Headers that may go along to another origin; all others may carry a credential of the first one. */
const PORTABLE_HEADERS = new Set(['accept', 'accept-language', 'content-type', 'user-agent', 'mcp-protocol-version']);

/**
 * The one way out: every HTTP request that leaves this process for an address somebody else chose goes through here.
 *
 * A name is resolved once per connection, every address it has is checked, and the connection goes to an address that
 * was checked: a name that answers differently a moment later changes nothing.
 */
export class Outbound {
  /** For clients that bring their own fetch loop; the guard sits in its connector, so no hop can avoid it. */
  readonly dispatcher: Dispatcher;
  private readonly policy: OutboundPolicy;
  private readonly resolve: (hostname: string) => Promise<LookupAddress[]>;

  constructor(private readonly options: OutboundOptions = {}) {
    this.policy = outboundPolicy(options.allow ?? []);
    this.resolve = options.resolve ?? ((hostname) => systemLookup(hostname, { all: true }));
    this.dispatcher = new Agent({ connect: this.connector() });
  }

  /** The same guard with more allowed: for an address that an operator wrote into a file of this installation. */
  allowing(more: readonly string[]): Outbound {
    return new Outbound({ ...this.options, allow: [...(this.options.allow ?? []), ...more] });
  }

  /** Checks a URL without requesting it: scheme, no credentials inside, and every address of its host. */
  async check(url: string | URL): Promise<void> {
    const { hostname, port, protocol } = parseUrl(url);
    const host = bareHost(hostname);
    const addresses = isIP(host) ? [host] : (await this.known(host)).map(({ address }) => address);
    this.policy.check(host, Number(port) || defaultPort(protocol), addresses);
  }

  /**
   * `fetch` through the guard. Redirects are followed here, at most 5, and only portable headers go to another origin.
   * A body that must be sent again (307, 308) has to be text or bytes.
   *
   * @throws AppError `url_refused` when the URL, or one it redirects to, may not be requested
   */
  readonly fetch = async (input: string | URL, init: RequestInit = {}): Promise<Response> => {
    let url = parseUrl(input);
    let next: RequestInit = { ...init, redirect: 'manual', dispatcher: this.dispatcher };
    for (let hop = 0; ; hop++) {
      const response = await fetch(url, next).catch((error: unknown) => {
        throw refusalIn(error) ?? error;
      });
      const target = redirectTarget(response.status, response.headers.get('location'), url);
      if (!target || init.redirect === 'manual') return response;
      await response.body?.cancel();
      if (init.redirect === 'error')
        throw new AppError('url_refused', `${url.host} redirects, and that is not followed`);
      if (hop === MAX_REDIRECTS)
        throw new AppError('url_refused', `${url.host} redirects more than ${MAX_REDIRECTS} times`);
      next = redirected(next, response.status, url, target);
      url = target;
    }
  };

  /**
   * As `fetch`, at a third of its cost: for the many small requests of probes.
   *
   * @throws AppError `url_refused`
   */
  async request(input: string | URL, init: PlainRequest): Promise<PlainResponse> {
    const url = parseUrl(input);
    const answer = await request(url, { ...init, dispatcher: this.dispatcher }).catch((error: unknown) => {
      throw refusalIn(error) ?? error;
    });
    const { statusCode: status, headers, body } = answer;
    const target = redirectTarget(status, single(headers['location']), url);
    if (target) {
      await body.dump();
      const response = await this.fetch(target, redirected({ ...init }, status, url, target));
      return {
        status: response.status,
        headers: response.headers,
        body: response.body,
        discard: async () => response.body?.cancel(),
      };
    }
    const get = (name: string): string | null => single(headers[name.toLowerCase()]);
    return { status, headers: { get }, body, discard: () => body.dump() };
  }

  async close(): Promise<void> {
    await this.dispatcher.destroy();
  }

  private async known(host: string): Promise<LookupAddress[]> {
    return this.lookup(host).catch((cause: unknown) => {
      throw new AppError('url_refused', `The name "${host}" has no address`, { cause });
    });
  }

  private async lookup(hostname: string): Promise<LookupAddress[]> {
    // These names are loopback wherever they are asked for (RFC 6761), whether a resolver knows them or not.
    if (/^(?:.+\.)?localhost\.?$/i.test(hostname)) return LOOPBACK;
    const addresses = await this.resolve(hostname);
    if (addresses.length === 0) throw new AppError('url_refused', `${hostname} has no address`);
    return addresses;
  }

  private connector(): buildConnector.connector {
    const checkedLookup = (port: number) => (hostname: string, options: LookupOptions, done: LookupCallback) => {
      this.lookup(hostname)
        .then((addresses) => {
          this.policy.check(
            hostname,
            port,
            addresses.map(({ address }) => address),
          );
          const first = addresses[0] as LookupAddress;
          if (options.all) done(null, addresses);
          else done(null, first.address, first.family);
        })
        .catch((error: unknown) => done(error as NodeJS.ErrnoException, ''));
    };
    const connectors = new Map<number, buildConnector.connector>();
    return (options, callback) => {
      const host = bareHost(options.hostname);
      const port = Number(options.port) || defaultPort(options.protocol);
      try {
        // The resolver is not asked about a literal address, so it is checked here.
        if (isIP(host)) this.policy.check(host, port, [host]);
      } catch (error) {
        callback(error as Error, null);
        return;
      }
      const timeout = this.options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS;
      const connect = connectors.get(port) ?? buildConnector({ timeout, lookup: checkedLookup(port) });
      connectors.set(port, connect);
      connect(options, callback);
    };
  }
}

const LOOPBACK: LookupAddress[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];

type LookupCallback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;

function parseUrl(input: string | URL): URL {
  if (!URL.canParse(String(input))) throw new AppError('url_refused', 'This is not an absolute URL');
  const url = new URL(input);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new AppError('url_refused', `Only http and https may be requested, not ${url.protocol.slice(0, 32)}`);
  if (url.username || url.password)
    throw new AppError('url_refused', 'A URL with a user name or password inside is not requested', {
      hint: 'Send credentials as a header',
    });
  return url;
}

function bareHost(hostname: string): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
}

function defaultPort(protocol: string): number {
  return protocol === 'https:' ? 443 : 80;
}

const single = (value: string | string[] | undefined): string | null =>
  Array.isArray(value) ? value.join(', ') : (value ?? null);

function redirectTarget(status: number, location: string | null, from: URL): URL | undefined {
  if (![301, 302, 303, 307, 308].includes(status) || location === null) return undefined;
  return parseUrl(URL.canParse(location, from.href) ? new URL(location, from) : location);
}

function redirected(init: RequestInit, status: number, from: URL, to: URL): RequestInit {
  const headers = new Headers(init.headers);
  if (from.origin !== to.origin)
    for (const name of [...headers.keys()]) if (!PORTABLE_HEADERS.has(name)) headers.delete(name);
  const { body, ...rest } = { ...init, headers };
  const method = (init.method ?? 'GET').toUpperCase();
  const becomesGet = status === 303 ? method !== 'HEAD' : status < 303 && method === 'POST';
  if (becomesGet) {
    headers.delete('content-type');
    return { ...rest, method: 'GET' };
  }
  if (body == null) return rest;
  if (typeof body !== 'string' && !(body instanceof Uint8Array))
    throw new AppError('url_refused', `${from.host} redirects a request whose body cannot be sent twice`);
  return { ...rest, body };
}

/** The guard's refusal inside the error that fetch wraps around it. */
function refusalIn(error: unknown): AppError | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) if (cause instanceof AppError) return cause;
  return undefined;
}

/** Why a request failed, in a word or a sentence: the innermost reason. `fetch failed` says nothing, the cause below it does. */
export function reasonOf(error: unknown): string {
  if (error instanceof AppError) return error.detail;
  let inner = error as { code?: unknown; message?: unknown; cause?: unknown };
  while (typeof inner.cause === 'object' && inner.cause !== null) inner = inner.cause;
  const { code, message } = inner;
  return typeof code === 'string' ? code : String(message).slice(0, 200);
}
