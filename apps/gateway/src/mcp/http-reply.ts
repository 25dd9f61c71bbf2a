import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';

const JSON_TYPE = 'application/json';

/**
 * The answer to one MCP request over HTTP: a JSON document, or a stream of events from the moment that something comes
 * before the end.
 */
export class HttpReply {
  private streaming = false;

  constructor(
    readonly request: IncomingMessage,
    private readonly response: ServerResponse,
    private readonly headers: OutgoingHttpHeaders,
    /** Bytes that may wait for a slow reader before its stream is cut. */
    private readonly maxBufferedBytes: number,
  ) {}

  get isStream(): boolean {
    return this.streaming;
  }

  get isOver(): boolean {
    return this.response.writableEnded || this.response.destroyed;
  }

  /** Of an answer that was sent whole, else 0. */
  get sentStatus(): number {
    return this.response.writableFinished ? this.response.statusCode : 0;
  }

  /** Calls back once when the answer is sent or the client went away. */
  onClose(listener: () => void): void {
    this.response.once('close', listener);
  }

  setHeader(name: string, value: string): void {
    this.headers[name] = value;
  }

  /** Ends with a JSON document, or without a body. */
  json(status: number, body?: string): void {
    if (body === undefined) this.headers['content-length'] = 0;
    else {
      this.headers['content-type'] = JSON_TYPE;
      this.headers['content-length'] = Buffer.byteLength(body);
    }
    this.response.writeHead(status, this.headers);
    this.response.end(body);
  }

  /** Ends with a JSON document that is mostly there as bytes. */
  jsonAround(before: string, bytes: Buffer, after: string): void {
    this.headers['content-type'] = JSON_TYPE;
    this.headers['content-length'] = Buffer.byteLength(before) + bytes.length + Buffer.byteLength(after);
    this.response.writeHead(200, this.headers);
    this.response.cork();
    this.response.write(before);
    this.response.write(bytes);
    this.response.end(after);
  }

  /** Makes the answer a stream of events; does nothing if it is one. */
  open(): void {
    if (this.streaming) return;
    this.streaming = true;
    this.headers['content-type'] = 'text/event-stream';
    this.headers['cache-control'] = 'no-cache, no-transform';
    this.headers['x-accel-buffering'] = 'no';
    this.response.writeHead(200, this.headers);
    this.response.flushHeaders();
  }

  /** Sends one message as an event. A reader that is too slow to keep up is cut off: it can resume, we cannot wait. */
  event(body: string, id?: string, name = 'message'): void {
    this.open();
    this.write(`event: ${name}\n${id === undefined ? '' : `id: ${id}\n`}data: ${asEventData(body)}\n\n`);
  }

  /** Gives the client an event id to resume from before there is a message, and how long to wait before it does. */
  prime(id: string, retryMs: number): void {
    this.open();
    this.write(`id: ${id}\nretry: ${retryMs}\ndata: \n\n`);
  }

  keepAlive(): void {
    if (this.streaming && !this.isOver) this.write(': keep-alive\n\n');
  }

  end(): void {
    if (this.isOver) return;
    this.open();
    this.response.end();
  }

  private write(text: string): void {
    if (this.isOver) return;
    this.response.write(text);
    if (this.response.writableLength > this.maxBufferedBytes) this.response.destroy();
  }
}

/** A line break inside the JSON is white space between two tokens: each line gets its own field and comes back as one. */
function asEventData(body: string): string {
  return body.includes('\n') || body.includes('\r') ? body.replace(/\r\n|\r|\n/g, '\ndata: ') : body;
}
