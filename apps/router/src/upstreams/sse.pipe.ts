import type { Dispatcher } from 'undici';
import { ConnectionLost } from './connection';
import { HttpRequest } from './http-request';
import type { Pipe } from './pipe.connection';

export interface SseOptions {
  url: string;
  headers: Record<string, string>;
  dispatcher: Dispatcher;
  maxMessageBytes: number;
}

/** HTTP+SSE of 2024-11-05: messages come on one event stream and go to the endpoint that its first event names. */
export class SsePipe implements Pipe {
  readonly pid = undefined;
  onMessage: (text: string) => void = () => undefined;
  onLost: (reason: string) => void = () => undefined;
  private readonly url: URL;
  private readonly headers: string[];
  private stream: HttpRequest | undefined;
  private endpoint: string | undefined;

  constructor(private readonly options: SseOptions) {
    this.url = new URL(options.url);
    this.headers = Object.entries(options.headers).flatMap(([name, value]) => [name.toLowerCase(), value]);
  }

  /** Opens the stream; resolves when the server has named its endpoint. */
  open(): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (reason: string): void => {
        reject(new ConnectionLost(reason, false));
        this.onLost(reason);
      };
      this.stream = new HttpRequest(
        {
          onEvent: ({ event, data }) => {
            if (event === 'message') return this.onMessage(data);
            if (event !== 'endpoint') return;
            const endpoint = new URL(data, this.url);
            // Credentials go to the server that was configured and to no other.
            if (endpoint.origin !== this.url.origin) return fail('The server names an endpoint on another host');
            this.endpoint = endpoint.pathname + endpoint.search;
            resolve();
          },
          onEnd: (_body, { status }) =>
            fail(status === 200 ? 'The server ended the stream' : `The server answered HTTP ${status}`),
          onError: (error) => fail(`The connection failed (${(error as { code?: string }).code ?? error.message})`),
        },
        this.options.maxMessageBytes,
        () => undefined,
      );
      this.dispatch('GET', this.url.pathname + this.url.search, ['accept', 'text/event-stream'], null, this.stream);
    });
  }

  send(text: string): void {
    if (this.endpoint === undefined) return;
    const request = new HttpRequest(
      {
        onEvent: () => undefined,
        onEnd: (_body, { status }) => {
          if (status >= 400) this.onLost(`The server answered a message with HTTP ${status}`);
        },
        onError: (error) =>
          this.onLost(`A message could not be sent (${(error as { code?: string }).code ?? error.message})`),
      },
      this.options.maxMessageBytes,
      () => undefined,
    );
    this.dispatch('POST', this.endpoint, ['content-type', 'application/json'], text, request);
  }

  close(): Promise<void> {
    this.stream?.abort();
    return Promise.resolve();
  }

  private dispatch(
    method: 'GET' | 'POST',
    path: string,
    extra: string[],
    body: string | null,
    request: HttpRequest,
  ): void {
    const headers = [...this.headers, ...extra];
    const { origin } = this.url;
    this.options.dispatcher.dispatch(
      { origin, path, method, headers, body, headersTimeout: 0, bodyTimeout: 0 },
      request,
    );
  }
}
