import type { Server, ServerResponse } from 'node:http';
import { Server as NetServer } from 'node:net';
import { InFlight } from '@mcp-router/platform';

/** A client that sent something this lately may be about to send more on the same connection. */
const BUSY_MS = 1_000;
/** So long clients with open connections are told to leave before nothing new is accepted, and after it. */
export const LINGER_MS = 500;

interface OpenResponse {
  response: ServerResponse;
  isMcp: boolean;
}

/**
 * Lets the HTTP requests in flight finish when the gateway stops. Clients that keep connections open are first told to
 * leave (`Connection: close`), so that no request meets a connection that is just being closed.
 */
export class HttpDrain {
  private readonly open = new InFlight<number, OpenResponse>();
  private tracked = 0;
  private lastRequestAt = 0;
  private stopping = false;
  private onIdle: (() => void) | undefined;

  /** @param isMcp the answer is the MCP edge's to end */
  track(response: ServerResponse, isMcp: boolean): void {
    this.lastRequestAt = Date.now();
    if (this.stopping) response.setHeader('connection', 'close');
    const number = ++this.tracked;
    this.open.set(number, { response, isMcp });
    response.once('close', () => {
      this.open.delete(number);
      if (this.open.size === 0) this.onIdle?.();
    });
  }

  /** How many requests are being answered. */
  get inFlight(): number {
    return this.open.size;
  }

  /**
   * Accepts nothing new and waits until every request is answered, at most `timeoutMs`.
   *
   * @param endStreams ends the MCP streams that have no end of their own
   */
  async drain(server: Server, timeoutMs: number, endStreams: () => void): Promise<void> {
    this.stopping = true;
    for (const { response } of this.open.values()) if (!response.headersSent) response.setHeader('connection', 'close');
    endStreams();
    const isBusy = Date.now() - this.lastRequestAt < BUSY_MS;
    if (isBusy) await linger();
    // Not `server.close()`: it would also close connections whose first request is still on its way.
    NetServer.prototype.close.call(server);
    if (isBusy) await linger();
    server.closeIdleConnections();
    // Streams that were opened meanwhile.
    endStreams();
    for (const { response, isMcp } of this.open.values()) if (!isMcp && isEventStream(response)) response.end();
    if (this.open.size === 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.onIdle = resolve;
      timer = setTimeout(resolve, timeoutMs);
    });
    clearTimeout(timer);
  }
}

/** Ends only after what the kernel has meanwhile was taken: a process that stood still runs its late timers first. */
const linger = () => new Promise((resolve) => setTimeout(() => setImmediate(resolve), LINGER_MS));

/** Streams of events over REST tell what happens and have no end; none is the answer to a call. */
function isEventStream(response: ServerResponse): boolean {
  return String(response.getHeader('content-type') ?? '').startsWith('text/event-stream');
}
