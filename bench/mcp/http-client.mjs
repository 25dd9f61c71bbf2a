import { connect } from 'node:net';

/**
 * One keep-alive connection that sends one request at a time: far cheaper than any HTTP library, so that the load
 * generator does not measure itself. Understands `content-length`, chunked bodies and event streams.
 */
export class HttpClient {
  constructor(url, headers) {
    this.url = new URL(url);
    this.fixed = Object.entries({ host: this.url.host, accept: 'application/json, text/event-stream', ...headers })
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('');
    this.received = [];
    this.size = 0;
  }

  connect() {
    return new Promise((resolve, reject) => {
      this.socket = connect({ host: this.url.hostname, port: Number(this.url.port), noDelay: true });
      this.socket.once('connect', resolve).once('error', reject);
    });
  }

  async open() {
    await this.connect();
    this.socket.on('data', (chunk) => this.take(chunk));
    this.socket.on('close', () => this.fail?.(new Error('the connection was closed')));
  }

  close() {
    this.socket.destroy();
  }

  /** Sends a body. @returns `{status, headers, body}`; the body of an event stream is its last message */
  post(body, headers = '') {
    return new Promise((resolve, reject) => {
      this.done = resolve;
      this.fail = reject;
      this.expected = undefined;
      this.received = [];
      this.size = 0;
      const path = this.url.pathname + this.url.search;
      const length = Buffer.byteLength(body);
      this.socket.write(
        `POST ${path} HTTP/1.1\r\n${this.fixed}${headers}content-type: application/json\r\ncontent-length: ${length}\r\n\r\n${body}`,
      );
    });
  }

  take(chunk) {
    this.received.push(chunk);
    this.size += chunk.length;
    if (this.expected === undefined) {
      const all = this.received.length === 1 ? chunk : Buffer.concat(this.received);
      this.received = [all];
      const end = all.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.head = all.toString('latin1', 0, end);
      this.bodyAt = end + 4;
      const length = /\r\ncontent-length: *(\d+)/i.exec(this.head);
      this.expected = length
        ? this.bodyAt + Number(length[1])
        : /\r\ntransfer-encoding: *chunked/i.test(this.head)
          ? Infinity
          : this.bodyAt;
    }
    if (this.expected === Infinity ? this.endsChunked() : this.size >= this.expected) this.finish();
  }

  endsChunked() {
    const last = this.received.at(-1);
    return last.length >= 5
      ? last.toString('latin1', last.length - 5) === '0\r\n\r\n'
      : Buffer.concat(this.received).toString('latin1').endsWith('0\r\n\r\n');
  }

  finish() {
    const all = this.received.length === 1 ? this.received[0] : Buffer.concat(this.received);
    let body = all.toString('utf8', this.bodyAt);
    if (this.expected === Infinity) body = dechunk(body);
    if (/\r\ncontent-type: *text\/event-stream/i.test(this.head)) body = lastMessage(body);
    const reply = { status: Number(this.head.slice(9, 12)), head: this.head, body };
    const { done } = this;
    this.done = this.fail = undefined;
    done?.(reply);
  }
}

function dechunk(text) {
  let body = '';
  for (let at = 0; ;) {
    const eol = text.indexOf('\r\n', at);
    const length = Number.parseInt(text.slice(at, eol), 16);
    if (!(length > 0)) return body;
    body += text.slice(eol + 2, eol + 2 + length);
    at = eol + 2 + length + 2;
  }
}

function lastMessage(events) {
  return (
    events
      .split('\n')
      .findLast((line) => line.startsWith('data: {'))
      ?.slice('data: '.length) ?? ''
  );
}
