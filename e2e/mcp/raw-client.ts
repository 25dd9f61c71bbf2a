/** What one HTTP exchange gave: the messages of its answer, whatever form it had. */
export interface Answer {
  status: number;
  headers: Headers;
  /** As they were written. */
  texts: string[];
}

export interface JsonRpc {
  id?: unknown;
  method?: string;
  params?: Record<string, unknown>;
  result?: Record<string, unknown>;
  error?: { code: number; message: string; data?: Record<string, unknown> };
}

export const JSON_HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

/** Posts a body and reads the whole answer. */
export async function post(url: string, body: string, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(url, { method: 'POST', headers: { ...JSON_HEADERS, ...headers }, body });
  const text = await response.text();
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
  return {
    status: response.status,
    headers: response.headers,
    texts: isStream ? eventsIn(text).map(({ data }) => data) : text === '' ? [] : [text],
  };
}

export interface ServerSentEvent {
  id: string | undefined;
  data: string;
}

/** The events of a stream that have data. */
export function eventsIn(text: string): ServerSentEvent[] {
  return text
    .split('\n\n')
    .map((block) => {
      const lines = block.split('\n');
      const field = (name: string) =>
        lines.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));
      return { id: field('id')[0], data: field('data').join('\n') };
    })
    .filter(({ data, id }) => data !== '' || id !== undefined);
}

/** Reads events one by one until the stream ends or the signal aborts. */
export async function* readEvents(response: Response): AsyncGenerator<ServerSentEvent> {
  let text = '';
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString('utf8');
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      yield* eventsIn(text.slice(0, end));
      text = text.slice(end + 2);
    }
  }
}

/** Gathers the messages of a stream until it ends. */
export function gather(response: Response): JsonRpc[] {
  const messages: JsonRpc[] = [];
  void (async () => {
    for await (const { data } of readEvents(response)) if (data !== '') messages.push(JSON.parse(data) as JsonRpc);
  })().catch(() => undefined);
  return messages;
}

/** A session of the old era, made by hand. */
export class RawSession {
  private nextId = 1;

  private constructor(
    readonly url: string,
    readonly headers: Record<string, string>,
  ) {}

  static async open(
    url: string,
    version = '2025-06-18',
    capabilities: object = {},
    headers: Record<string, string> = {},
  ): Promise<RawSession> {
    const params = { protocolVersion: version, capabilities, clientInfo: { name: 'raw', version: '1' } };
    const answer = await post(url, JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params }), headers);
    const id = answer.headers.get('mcp-session-id');
    if (answer.status !== 200 || id === null) throw new Error(`initialize: ${answer.status} ${answer.texts.join('')}`);
    const session = new RawSession(url, { ...headers, 'mcp-session-id': id, 'mcp-protocol-version': version });
    await session.notify('notifications/initialized');
    return session;
  }

  get id(): string {
    return this.headers['mcp-session-id'] ?? '';
  }

  post(body: string): Promise<Answer> {
    return post(this.url, body, this.headers);
  }

  notify(method: string, params?: object): Promise<Answer> {
    return this.post(JSON.stringify({ jsonrpc: '2.0', method, params }));
  }

  /** Sends a request. @returns its response, the last message of the answer */
  async request(method: string, params: object = {}): Promise<JsonRpc> {
    const answer = await this.post(JSON.stringify({ jsonrpc: '2.0', id: this.nextId++, method, params }));
    const last = answer.texts.at(-1);
    if (last === undefined) throw new Error(`no answer: ${answer.status}`);
    return JSON.parse(last) as JsonRpc;
  }

  call(name: string, args: object = {}): Promise<JsonRpc> {
    return this.request('tools/call', { name, arguments: args });
  }

  /** Opens an event stream of the session. */
  listen(signal: AbortSignal, lastEventId?: string): Promise<Response> {
    const resume = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
    return fetch(this.url, { headers: { accept: 'text/event-stream', ...this.headers, ...resume }, signal });
  }
}
