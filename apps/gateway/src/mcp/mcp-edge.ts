import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { AppError, LEGACY_VERSIONS, type McpRequest, type Principal } from '@mcp-router/shared';
import { InFlight, isFeatureEnabled, type Bus } from '@mcp-router/platform';
import type { RefusedCall } from '../access/refused-calls';
import { requestIdOf } from '../http/request-id';
import { Exchange, type ExchangeLimits, type Start } from './exchange';
import { HttpReply } from './http-reply';
import { ListCache } from './list-cache';
import { errorBody, idOf, readMessage } from './message';
import { checkModern, isModernVersion, one, paramHeaders, unsupportedVersion } from './modern-rules';
import { readBody } from './read-body';
import { ownerOf, routeOf } from './routes';

/** What the edge asks of the gateway's access control; both checks are synchronous and in memory. */
export interface Access {
  /** The caller behind an `Authorization` header, or `undefined`. */
  authenticate(authorization: string | undefined): Principal | undefined;
  /** Counts a request. @throws AppError `rate_limited` */
  admit(principal: Principal): void;
  /** Notes a call that `admit` did not let in. */
  noteRefused(principal: Principal, call: RefusedCall): void;
  /** @throws AppError `origin_refused` */
  checkOrigin(request: IncomingMessage): void;
}

export interface EdgeLimits extends ExchangeLimits {
  maxBodyBytes: number;
  /** Bytes of lists that are kept. */
  listCacheBytes: number;
  /** Bytes that may wait for a slow reader of a stream. */
  maxBufferedBytes: number;
}

/**
 * The HTTP side of `/mcp` and `/mcp/{slug}`: everything that can be decided without a session's state is decided here,
 * the rest is one request to a router. It stands before the web framework, since this is the path of every tool call.
 */
export class McpEdge {
  private readonly running = new InFlight<number, Exchange>();
  private exchanges = 0;
  private readonly lists: ListCache;
  private readonly sweep: NodeJS.Timeout;

  constructor(
    private readonly bus: Bus,
    private readonly access: Access,
    private readonly limits: EdgeLimits,
  ) {
    this.lists = new ListCache(limits.listCacheBytes);
    this.sweep = setInterval(() => {
      const now = Date.now();
      for (const exchange of this.running.values()) exchange.tick(now);
    }, 500);
    this.sweep.unref();
  }

  /** Streams and calls that are open now. */
  get open(): number {
    return this.running.size;
  }

  /** Ends the streams that have no end of their own; their clients open them again at another replica. */
  endStreams(): void {
    for (const exchange of this.running.values()) if (exchange.isEndless) exchange.abandon();
  }

  /** Ends everything: a client with a session can fetch the answer to its call at another replica. */
  close(): void {
    clearInterval(this.sweep);
    for (const exchange of this.running.values()) exchange.abandon();
  }

  /** Answers one HTTP request whose path starts with `/mcp`. */
  handle(request: IncomingMessage, response: ServerResponse): void {
    const headers: OutgoingHttpHeaders = {};
    const reply = new HttpReply(request, response, headers, this.limits.maxBufferedBytes);
    try {
      this.access.checkOrigin(request);
      allowOrigin(request, headers);
      if (request.method === 'OPTIONS') {
        preflight(reply);
        return;
      }
      const principal = this.access.authenticate(request.headers.authorization);
      if (!principal) throw new AppError('unauthorized', 'Send "Authorization: Bearer <key>" with a valid key');
      const route = routeOf(request.url ?? '');
      if (!route) throw new AppError('route_not_found', 'The endpoints are /mcp and /mcp/{slug}');
      if (request.method === 'POST') this.post(reply, principal, route);
      else if (request.method === 'GET') this.get(reply, principal, route);
      else if (request.method === 'DELETE') this.delete(reply, principal, route);
      else throw new AppError('method_not_allowed', 'Use POST, GET or DELETE');
    } catch (error) {
      refuse(reply, error);
    }
  }

  private post(reply: HttpReply, principal: Principal, route: Route): void {
    const { headers } = reply.request;
    if (!/^application\/json\s*(;|$)/i.test(headers['content-type'] ?? '')) {
      throw new AppError('unsupported_media_type', 'Send the message as application/json');
    }
    const isSsePost = route.session !== undefined;
    if (!isSsePost && !(accepts(reply.request, 'application/json') && accepts(reply.request, 'text/event-stream'))) {
      throw new AppError('not_acceptable', 'Accept must list application/json and text/event-stream');
    }
    readBody(reply.request, this.limits.maxBodyBytes).then(
      (body) => {
        try {
          // Here, where the refusal can name the request's id.
          this.access.admit(principal);
          this.message(reply, principal, route, body);
        } catch (error) {
          if (AppError.from(error).code === 'rate_limited')
            this.access.noteRefused(principal, refusedCall(reply.request, route.endpoint, body));
          refuse(reply, error, body);
        }
      },
      (error: unknown) => refuse(reply, error),
    );
  }

  private message(reply: HttpReply, principal: Principal, route: Route, body: string): void {
    let parsed: unknown;
    try {
      parsed = JSON.parse(body);
    } catch (cause) {
      throw new AppError('malformed_json', 'The body is not valid JSON', { cause });
    }
    const { headers } = reply.request;
    if (Array.isArray(parsed)) {
      for (const [i, element] of parsed.entries()) {
        if (checkModern(readMessage(element), {}) !== undefined) {
          throw new AppError('invalid_message', 'A batch cannot contain messages of 2026-07-28');
        }
        // The first one was counted with the HTTP request.
        if (i > 0) this.access.admit(principal);
      }
      this.legacy(reply, principal, route, { body, method: undefined, beginsNothing: false });
      return;
    }
    const message = readMessage(parsed);
    const version = checkModern(message, headers);
    if (version === undefined) {
      const beginsNothing = message.kind !== 'request';
      const cursor = message.params?.['cursor'];
      this.legacy(reply, principal, route, { body, method: message.method, cursor, beginsNothing });
      return;
    }
    const input: McpRequest = { endpoint: route.endpoint, kind: 'message', era: 'modern', version, body };
    input.headers = paramHeaders(headers);
    const state = message.params?.['requestState'];
    const owner = typeof state === 'string' ? ownerOf(state) : undefined;
    // A server may be such a router itself: its states are for it, wherever they are sent from here.
    const instance = owner !== undefined && this.bus.instances('router').includes(owner) ? owner : undefined;
    this.run(reply, principal, input, { instance, method: message.method, cursor: message.params?.['cursor'] });
  }

  private legacy(reply: HttpReply, principal: Principal, route: Route, message: LegacyMessage): void {
    const input: McpRequest = { endpoint: route.endpoint, kind: 'message', era: 'legacy', body: message.body };
    if (message.method === 'initialize' && route.session === undefined) {
      this.run(reply, principal, input, { method: message.method });
      return;
    }
    const { beginsNothing } = message;
    const instance = this.bindSession(input, reply.request, route, beginsNothing);
    this.run(reply, principal, input, { instance, beginsNothing, method: message.method, cursor: message.cursor });
  }

  private get(reply: HttpReply, principal: Principal, route: Route): void {
    const { headers } = reply.request;
    this.access.admit(principal);
    refuseModern(reply, 'GET');
    if (!accepts(reply.request, 'text/event-stream')) {
      throw new AppError('not_acceptable', 'Accept must list text/event-stream');
    }
    const input: McpRequest = { endpoint: route.endpoint, kind: 'listen', era: 'legacy' };
    if (headers['mcp-session-id'] === undefined && isFeatureEnabled('LEGACY_SSE')) {
      input.sse = true;
      this.run(reply, principal, input, {});
      return;
    }
    const instance = this.bindSession(input, reply.request, route);
    input.lastEventId = one(headers['last-event-id']);
    this.run(reply, principal, input, { instance });
  }

  private delete(reply: HttpReply, principal: Principal, route: Route): void {
    refuseModern(reply, 'DELETE');
    const input: McpRequest = { endpoint: route.endpoint, kind: 'end', era: 'legacy' };
    this.run(reply, principal, input, { instance: this.bindSession(input, reply.request, route) });
  }

  /**
   * Reads the session's headers into `input`.
   *
   * @param beginsNothing is said also to a router that stops; if it is gone, the session is
   * @returns the router instance that owns the session
   */
  private bindSession(input: McpRequest, { headers }: IncomingMessage, route: Route, beginsNothing = false): string {
    const version = one(headers['mcp-protocol-version']);
    if (version !== undefined && !(LEGACY_VERSIONS as readonly string[]).includes(version)) {
      throw unsupportedVersion(version);
    }
    const session = route.session ?? one(headers['mcp-session-id']);
    if (session === undefined) {
      throw new AppError('invalid_message', 'The header Mcp-Session-Id is missing', {
        hint: 'Begin with "initialize", or send a message of protocol version 2026-07-28',
      });
    }
    const instance = ownerOf(session);
    if (instance === undefined) throw sessionGone();
    if (!beginsNothing && !this.bus.instances('router').includes(instance)) throw sessionGone();
    input.session = session;
    input.version = version;
    if (route.session !== undefined) input.sse = true;
    return instance;
  }

  private run(reply: HttpReply, principal: Principal, input: McpRequest, how: Start): void {
    const number = ++this.exchanges;
    const exchange = new Exchange(this.bus, reply, principal, input, this.limits, () => this.running.delete(number));
    this.running.set(number, exchange);
    exchange.start(how, this.lists);
  }
}

type Route = NonNullable<ReturnType<typeof routeOf>>;

interface LegacyMessage {
  body: string;
  method: string | undefined;
  cursor?: unknown;
  /** A response or a notification. */
  beginsNothing: boolean;
}

/** What the log tells of a call that was not let in. */
function refusedCall(request: IncomingMessage, endpoint: string | undefined, body: string): RefusedCall {
  const { method, tool } = callIn(body);
  return {
    endpoint: endpoint === undefined ? '/mcp' : `/mcp/${endpoint}`,
    method,
    tool,
    requestId: requestIdOf(request),
    requestBytes: body.length,
  };
}

function callIn(body: string): { method: string; tool?: string } {
  try {
    const { method, params } = JSON.parse(body) as { method?: unknown; params?: { name?: unknown } };
    if (typeof method !== 'string') return { method: '' };
    return { method, ...(typeof params?.name === 'string' && { tool: params.name }) };
  } catch {
    return { method: '' };
  }
}

function sessionGone(): AppError {
  return new AppError('session_not_found', 'The session is unknown or has ended; start again with "initialize"');
}

function accepts({ headers }: IncomingMessage, type: string): boolean {
  const accept = headers.accept;
  if (accept === undefined) return false;
  return accept.includes(type) || accept.includes('*/*') || accept.includes(`${type.slice(0, type.indexOf('/'))}/*`);
}

/** GET and DELETE belong to sessions, which 2026-07-28 does not have. */
function refuseModern({ request }: HttpReply, method: string): void {
  const version = one(request.headers['mcp-protocol-version']);
  if (version !== undefined && isModernVersion(version)) {
    throw new AppError('method_not_allowed', `${method} does not exist in protocol version ${version}`);
  }
}

/** Answers a failure of the edge's own checks. */
function refuse(reply: HttpReply, thrown: unknown, body?: string): void {
  if (reply.isOver) return;
  const error = AppError.from(thrown);
  if (error.code === 'unauthorized') reply.setHeader('www-authenticate', 'Bearer realm="mcp-router"');
  if (error.code === 'method_not_allowed') reply.setHeader('allow', 'POST, GET, DELETE');
  if (error.retryAfterSeconds !== undefined) reply.setHeader('retry-after', String(error.retryAfterSeconds));
  // A body that nobody reads holds the connection up. One that is too large is being read and dropped: closing would
  // break the connection under a client that is still writing, before it has seen the answer.
  if (!reply.request.complete && error.code !== 'payload_too_large') reply.setHeader('connection', 'close');
  reply.json(error.status, errorBody(error, idOf(body)));
}

function allowOrigin({ headers }: IncomingMessage, to: OutgoingHttpHeaders): void {
  if (headers.origin === undefined) return;
  to['access-control-allow-origin'] = headers.origin;
  to['access-control-expose-headers'] = 'Mcp-Session-Id, MCP-Protocol-Version';
  to['vary'] = 'Origin';
}

function preflight(reply: HttpReply): void {
  reply.setHeader('access-control-allow-methods', 'POST, GET, DELETE');
  const asked = reply.request.headers['access-control-request-headers'];
  if (asked !== undefined) reply.setHeader('access-control-allow-headers', asked);
  reply.setHeader('access-control-max-age', '600');
  reply.json(204);
}
