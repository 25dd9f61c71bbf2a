import { HttpClient } from './http-client.mjs';

/** The HTTP+SSE transport of 2024-11-05 with the same interface as `HttpClient`: the answer comes on the event stream. */
export class SseClient {
  constructor(url, headers) {
    this.url = new URL(url);
    this.headers = headers;
  }

  async open() {
    this.stream = new HttpClient(this.url, { ...this.headers, accept: 'text/event-stream' });
    await this.stream.connect();
    const endpoint = new Promise((resolve, reject) => {
      this.onEndpoint = resolve;
      this.stream.socket.once('close', () => reject(new Error('the event stream was closed')));
    });
    let text = '';
    this.stream.socket.on('data', (chunk) => {
      text += chunk.toString('utf8');
      for (let end = text.search(/\r?\n\r?\n/); end >= 0; end = text.search(/\r?\n\r?\n/)) {
        this.take(text.slice(0, end));
        text = text.slice(end).replace(/^\r?\n\r?\n/, '');
      }
    });
    this.stream.socket.write(`GET ${this.url.pathname} HTTP/1.1\r\n${this.stream.fixed}\r\n`);
    this.poster = new HttpClient(new URL(await endpoint, this.url), this.headers);
    await this.poster.open();
    await this.post(
      '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2024-11-05","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}',
    );
    await this.poster.post('{"jsonrpc":"2.0","method":"notifications/initialized"}');
  }

  /** Events of chunked bodies may carry chunk sizes between them; only whole `data:` lines count. */
  take(block) {
    const data = /^data: ?(.*)$/m.exec(block)?.[1];
    if (data === undefined) return;
    if (data.startsWith('{')) this.done?.({ status: 200, head: '', body: data });
    else this.onEndpoint(data.trim());
  }

  post(body) {
    return new Promise((resolve, reject) => {
      this.done = resolve;
      this.poster.post(body).catch(reject);
    });
  }

  close() {
    this.stream.socket.destroy();
    this.poster.close();
  }
}
