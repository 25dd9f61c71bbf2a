import type { Dispatcher } from 'undici';
import { SseParser, type SseEvent } from './sse-parser';

export interface HttpHead {
  status: number;
  sessionId: string | undefined;
  /** Media type without parameters, lower case. */
  type: string;
}

export interface HttpListener {
  /** The status line and headers are here. */
  onHead?(request: HttpRequest): void;
  /** One event of a `text/event-stream`. */
  onEvent(event: SseEvent, request: HttpRequest): void;
  /** The body of any other answer, complete; the empty string at the end of an event stream. */
  onEnd(body: string, head: HttpHead, request: HttpRequest): void;
  /** @param sent whether the server may have received the request */
  onError(error: Error, sent: boolean): void;
}

/**
 * One HTTP request on undici's dispatch layer (no stream objects, no promises): the body is read whole, or event by
 * event when the answer is a stream of them.
 */
export class HttpRequest implements Dispatcher.DispatchHandler {
  head: HttpHead | undefined;
  /** Set when the answer is a stream of events. */
  sse: SseParser | undefined;
  private controller: Dispatcher.DispatchController | undefined;
  private chunks: Buffer[] = [];
  private size = 0;
  private done = false;

  /** @param onDone runs once, however the request ends */
  constructor(
    private readonly listener: HttpListener,
    private readonly maxBytes: number,
    private readonly onDone: () => void,
  ) {}

  /** Ends the request now; the listener hears nothing more. */
  abort(): void {
    if (this.finish()) this.controller?.abort(new Error('aborted'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.done) controller.abort(new Error('aborted'));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200 || this.done) return;
    const type = (text(headers['content-type']) ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
    this.head = { status, type, sessionId: text(headers['mcp-session-id']) };
    if (type === 'text/event-stream' && status === 200)
      this.sse = new SseParser(
        this.maxBytes,
        (event) => {
          if (!this.done) this.listener.onEvent(event, this);
        },
        (bytes) => this.tooLarge(bytes),
      );
    this.listener.onHead?.(this);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.done) return;
    if (this.sse) return this.sse.push(chunk);
    this.size += chunk.length;
    if (this.size > this.maxBytes) this.tooLarge(this.size);
    else this.chunks.push(chunk);
  }

  onResponseEnd(): void {
    const { chunks, size, head } = this;
    if (!this.finish() || !head) return;
    const body = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, size);
    this.listener.onEnd(body?.toString('utf8') ?? '', head, this);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.finish()) this.listener.onError(error, this.controller !== undefined);
  }

  private finish(): boolean {
    if (this.done) return false;
    this.done = true;
    this.onDone();
    return true;
  }

  private tooLarge(bytes: number): void {
    if (!this.finish()) return;
    const error = new Error(`The answer of ${bytes} bytes is larger than the limit of ${this.maxBytes}`);
    this.controller?.abort(error);
    this.listener.onError(error, true);
  }
}

const text = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);
