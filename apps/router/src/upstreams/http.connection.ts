import { InFlight } from '@mcp-router/platform';
import { AppError, MODERN_VERSIONS, parseRpc, readRpc, type RpcText } from '@mcp-router/shared';
import type { Dispatcher } from 'undici';
import { CallTable, type OpenCall } from './call-table';
import { ConnectionLost, type Connection, type Loss, type OnStray } from './connection';
import { discoverRequest, INITIALIZED, initializeRequest, legacyInfo, verdictOf, type Introduction } from './handshake';
import { HttpRequest, type HttpHead, type HttpListener } from './http-request';
import { pushModernHeaders } from './mcp-headers';
import { cancelText } from './message';
import type { CallLimits, PendingCall } from './pending-call';
import type { Era, Exchange, UpstreamInfo } from './upstream';

export interface HttpOptions {
  url: string;
  headers: Record<string, string>;
  /** Guards where requests may go, and keeps sockets alive between them. */
  dispatcher: Dispatcher;
  limits: CallLimits;
  maxMessageBytes: number;
  onStray: OnStray;
  onGarbage: (text: string) => void;
}

/** The server takes no POST of either era: it may be one of 2024-11-05 (HTTP+SSE). */
export class NotStreamableHttp extends Error {}

/** An HTTP answer that holds no JSON-RPC message. */
class Refusal extends AppError {
  constructor(
    readonly httpStatus: number,
    detail: string,
    hint?: string,
  ) {
    super('upstream_error', detail, hint === undefined ? {} : { hint });
  }
}

/** What servers of 2024-11-05 answer to a POST at the address of their event stream. */
const NO_POST_HERE = new Set([400, 404, 405, 406, 415]);
const RECONNECT_MS = 1_000;
const RECONNECT_MAX_MS = 30_000;
const RESUME_TRIES = 5;
const DELETE_TIMEOUT_MS = 1_000;

/** Streamable HTTP of both eras: each call has a POST of its own, and the messages on its stream are that call's. */
export class HttpConnection implements Connection {
  readonly pid = undefined;
  readonly lost: Promise<Loss>;
  private state: UpstreamInfo | undefined;
  private readonly origin: string;
  private readonly path: string;
  private readonly table: CallTable;
  private readonly fixed: string[];
  private readonly requests = new InFlight<number, HttpRequest>();
  private sent = 0;
  private sessionId: string | undefined;
  private over: Loss | undefined;
  private resolveLost!: (loss: Loss) => void;
  private reconnect: NodeJS.Timeout | undefined;

  constructor(private readonly options: HttpOptions) {
    const url = new URL(options.url);
    if (url.username || url.password)
      throw new AppError('url_refused', 'Credentials do not belong into the address', {
        hint: 'Send them as a header',
      });
    this.origin = url.origin;
    this.path = url.pathname + url.search;
    this.lost = new Promise((resolve) => (this.resolveLost = resolve));
    this.table = new CallTable(options.limits, options.onStray);
    this.fixed = ['accept', 'application/json, text/event-stream', 'content-type', 'application/json'];
    for (const [name, value] of Object.entries(options.headers)) this.fixed.push(name.toLowerCase(), value);
  }

  get isOver(): boolean {
    return this.over !== undefined;
  }

  get info(): UpstreamInfo {
    if (!this.state) throw new Error('The handshake is not done');
    return this.state;
  }

  /**
   * Finds out the server's era and does the handshake.
   *
   * @param known the era of the last connection, to renew a session without a probe
   * @throws NotStreamableHttp when the server answers like one of 2024-11-05; AppError, ConnectionLost
   */
  async connect(capabilities: string, known?: Era, introduction?: Introduction): Promise<void> {
    if (known !== 'legacy') {
      const verdict = await this.ask(discoverRequest(), MODERN_VERSIONS[0]).then(verdictOf, legacyUnlessUnclear);
      if (verdict.era === 'modern') {
        this.state = verdict.info;
        return;
      }
    }
    const response = await this.ask(initializeRequest(capabilities, introduction)).catch((error: unknown) => {
      if (error instanceof Refusal && NO_POST_HERE.has(error.httpStatus))
        throw new NotStreamableHttp(error.detail, { cause: error });
      throw error;
    });
    this.state = legacyInfo(response);
    this.send(INITIALIZED.text);
    this.listen('', RECONNECT_MS);
  }

  exchange(exchange: Exchange, bounded: boolean): Promise<string> {
    if (this.over) return Promise.reject(new ConnectionLost(this.over.reason, false, this.over.sessionExpired));
    const modern = this.info.era === 'modern';
    const opened = this.table.open(exchange, bounded, (id, why) => {
      request.abort();
      // A modern server takes the end of the stream as the cancellation.
      if (!modern) this.send(cancelText(id, why));
    });
    const headers = this.headers(modern ? this.info.protocolVersion : undefined, exchange.message);
    for (const name in exchange.headers) headers.push(name, exchange.headers[name] ?? '');
    const request = this.dispatch('POST', headers, opened.text, this.listenerOf(opened, RESUME_TRIES));
    return opened.call.result;
  }

  notify(message: RpcText): void {
    this.send(message.text);
  }

  async close(): Promise<void> {
    const { sessionId } = this;
    this.end({ reason: 'The connection was closed' });
    if (sessionId !== undefined) await this.deleteSession(sessionId);
  }

  private headers(modern?: string, message?: RpcText): string[] {
    const headers = this.fixed.slice();
    if (modern !== undefined && message) pushModernHeaders(headers, modern, message);
    else if (this.state) headers.push('mcp-protocol-version', this.state.protocolVersion);
    if (this.sessionId !== undefined) headers.push('mcp-session-id', this.sessionId);
    return headers;
  }

  private dispatch(
    method: 'POST' | 'GET',
    headers: string[],
    body: string | null,
    listener: HttpListener,
  ): HttpRequest {
    const number = ++this.sent;
    const request = new HttpRequest(listener, this.options.maxMessageBytes, () => this.requests.delete(number));
    this.requests.set(number, request);
    // Calls have timers of their own; the pool must not end a long one.
    const { origin, path } = this;
    this.options.dispatcher.dispatch(
      { origin, path, method, headers, body, headersTimeout: 0, bodyTimeout: 0 },
      request,
    );
    return request;
  }

  /** A request of the handshake: answered before the connection has calls. */
  private ask(message: RpcText, modern?: string): Promise<string> {
    return new Promise((resolve, reject) => {
      this.dispatch('POST', this.headers(modern, message), message.text, {
        onEvent: ({ data }, request) => {
          if (data === '' || !isResponse(data)) return;
          this.sessionId = request.head?.sessionId;
          resolve(data);
          request.abort();
        },
        onEnd: (body, head) => {
          this.sessionId = head.sessionId;
          if (isResponse(body)) resolve(body);
          else reject(refusal(head, body));
        },
        onError: (error, sent) => reject(new ConnectionLost(reasonOf(error), sent)),
      });
    });
  }

  /** Reads the answer to a call: its stream is the call's alone, so what comes on it was caused by it. */
  private listenerOf({ call, id }: OpenCall, resumesLeft: number): HttpListener {
    const receive = (text: string): void => {
      try {
        this.table.receive(text, this.send, call);
      } catch {
        this.options.onGarbage(text);
      }
    };
    const resume = (reason: string, request: HttpRequest): void => {
      if (call.isSettled) return;
      const lastEventId = request.sse?.lastEventId ?? '';
      if (lastEventId === '' || resumesLeft === 0 || this.over) return call.fail(new ConnectionLost(reason, true));
      setTimeout(
        () => {
          if (call.isSettled) return;
          const headers = [...this.headers(), 'last-event-id', lastEventId];
          this.dispatch('GET', headers, null, this.listenerOf({ call, id, text: '' }, resumesLeft - 1));
        },
        Math.min(request.sse?.retryMs ?? RECONNECT_MS, RECONNECT_MAX_MS),
      );
    };
    let stream: HttpRequest | undefined;
    return {
      onHead: (request) => {
        if (request.sse) stream = request;
        if (call.isSettled) request.abort();
      },
      onEvent: ({ data }) => {
        if (data !== '') receive(data);
      },
      onEnd: (body, head, request) => {
        if (call.isSettled) return;
        if (request.sse) resume('The server ended the stream without an answer', request);
        else if (head.status === 404 && this.sessionId !== undefined && !isResponseTo(body, id))
          this.expire(call.fail.bind(call));
        else {
          if (head.type === 'application/json' && body !== '') receive(body);
          if (isOpen(call) && isResponse(body)) receive(withId(body, id));
          if (isOpen(call)) call.fail(refusal(head, body));
        }
      },
      onError: (error, sent) => {
        if (stream) resume(reasonOf(error), stream);
        else call.fail(new ConnectionLost(reasonOf(error), sent));
      },
    };
  }

  private expire(fail: (error: unknown) => void): void {
    const reason = 'The server does not know the session any more';
    fail(new ConnectionLost(reason, false, true));
    this.end({ reason, sessionExpired: true });
  }

  /** Sends what has no answer: notifications, and responses to the server's own requests. */
  private readonly send = (text: string): void => {
    if (this.over) return;
    const modern = this.state?.era === 'modern' ? this.state.protocolVersion : undefined;
    const headers = this.headers(modern, modern === undefined ? undefined : readRpc(text));
    this.dispatch('POST', headers, text, {
      onEvent: () => undefined,
      onEnd: (_body, { status }) => {
        if (status === 404 && this.sessionId !== undefined) this.expire(() => undefined);
      },
      onError: () => undefined,
    });
  };

  /** The stream of a legacy server for what no call caused; opened again for as long as the session lives. */
  private listen(lastEventId: string, delayMs: number): void {
    const again = (request: HttpRequest | undefined, wait: number): void => {
      if (this.over) return;
      this.reconnect = setTimeout(
        () => this.listen(request?.sse?.lastEventId ?? lastEventId, Math.min(wait * 2, RECONNECT_MAX_MS)),
        request?.sse?.retryMs ?? wait,
      ).unref();
    };
    const headers = this.headers();
    if (lastEventId !== '') headers.push('last-event-id', lastEventId);
    let stream: HttpRequest | undefined;
    this.dispatch('GET', headers, null, {
      onHead: (request) => (stream = request.sse ? request : undefined),
      onEvent: ({ data }) => {
        if (data === '') return;
        try {
          this.table.receive(data, this.send);
        } catch {
          this.options.onGarbage(data);
        }
      },
      onEnd: (_body, head, request) => {
        if (request.sse) again(request, RECONNECT_MS);
        else if (head.status === 404 && this.sessionId !== undefined) this.expire(() => undefined);
        else if (head.status >= 500) again(undefined, delayMs);
        // Any other answer, 405 above all, says that the server has no such stream.
      },
      onError: () => again(stream, stream ? RECONNECT_MS : delayMs),
    });
  }

  private end(loss: Loss): void {
    if (this.over) return;
    this.over = loss;
    clearTimeout(this.reconnect);
    for (const request of this.requests.values()) request.abort();
    // Whoever keeps the connection hears of it before the calls that may be repeated on another.
    this.resolveLost(loss);
    this.table.failAll(new ConnectionLost(loss.reason, true, loss.sessionExpired));
  }

  /** Tells the server that the session is over; not waited for long, it may not answer. */
  private deleteSession(sessionId: string): Promise<void> {
    const headers = [...this.fixed, 'mcp-session-id', sessionId];
    return new Promise((resolve) => {
      const request = new HttpRequest(
        { onEvent: () => undefined, onEnd: () => resolve(), onError: () => resolve() },
        this.options.maxMessageBytes,
        () => clearTimeout(timer),
      );
      const timer = setTimeout(() => {
        request.abort();
        resolve();
      }, DELETE_TIMEOUT_MS);
      const { origin, path } = this;
      this.options.dispatcher.dispatch({ origin, path, method: 'DELETE', headers }, request);
    });
  }
}

/** No answer, a refusal of the credentials and a fault of the server say nothing about its era. */
function legacyUnlessUnclear(error: unknown): { era: 'legacy' } {
  if (error instanceof Refusal && error.httpStatus < 500 && ![401, 403, 407, 429].includes(error.httpStatus))
    return { era: 'legacy' };
  throw error;
}

function refusal({ status, type }: HttpHead, body: string): Refusal {
  if (status === 401 || status === 403)
    return new Refusal(
      status,
      `The server refused the router's credentials (HTTP ${status})`,
      'Check "headers" of this server, or "oauth" and its "authorization"',
    );
  if (status >= 300 && status < 400)
    return new Refusal(
      status,
      `The server redirects (HTTP ${status})`,
      'Give the address that it redirects to as "url"',
    );
  const what = body === '' ? 'an empty body' : `${body.length} characters of ${type || 'an unknown type'}`;
  return new Refusal(status, `The server answered HTTP ${status} with ${what} instead of a JSON-RPC message`);
}

function isResponse(body: string): boolean {
  try {
    return parseRpc(body).kind === 'response';
  } catch {
    return false;
  }
}

function isResponseTo(body: string, id: string): boolean {
  return isResponse(body) && readRpc(body).id === id;
}

const isOpen = (call: PendingCall): boolean => !call.isSettled;

/** Servers answer a request that they refuse before reading it with `id: null`. */
function withId(body: string, id: string): string {
  const { idMember } = readRpc(body);
  return idMember ? body.slice(0, idMember.start) + id + body.slice(idMember.end) : body.replace('{', `{"id":${id},`);
}

function reasonOf(error: Error & { code?: string }): string {
  if (error instanceof AppError) return error.detail;
  switch (error.code) {
    case 'ECONNREFUSED':
      return 'The server refuses connections';
    case 'ENOTFOUND':
      return "The server's host name is unknown";
    case 'UND_ERR_CONNECT_TIMEOUT':
      return 'The server accepts no connection in time';
    case 'UND_ERR_SOCKET':
    case 'ECONNRESET':
      return 'The server closed the connection';
    default:
      return `The connection failed (${error.code ?? error.message})`;
  }
}
