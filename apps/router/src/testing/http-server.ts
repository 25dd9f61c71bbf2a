import { randomUUID } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HttpCall {
  headers: IncomingHttpHeaders;
  message: { id?: unknown; method?: string; params?: Record<string, unknown>; result?: unknown };
  reply(result: unknown): void;
  respond: ServerResponse;
}

/** A small MCP server over HTTP that a test plays: of 2025-11-25 with sessions, or of 2026-07-28. */
export interface HttpServer {
  url: string;
  /** Everything that was posted, in order. */
  seen: HttpCall[];
  sessions: Set<string>;
  /** Ends all connections and stops listening; `listen` takes the same port again. */
  stop(): Promise<void>;
  listen(): Promise<void>;
}

export type Play = (call: HttpCall) => boolean | undefined;

/**
 * @param play answers what it wants to answer itself and returns true for that
 * @param get  answers GET; 405 without it
 */
export async function httpServer(
  era: 'legacy' | 'modern',
  play: Play = () => false,
  get?: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<HttpServer> {
  const seen: HttpCall[] = [];
  const sessions = new Set<string>();
  let port = 0;
  const server = createServer((request, response) => {
    if (request.method === 'GET' && get) return get(request, response);
    if (request.method === 'DELETE') sessions.delete(request.headers['mcp-session-id'] as string);
    if (request.method !== 'POST') return void response.writeHead(405).end();
    void bodyOf(request).then((body) => {
      const message = JSON.parse(body) as HttpCall['message'];
      const reply = (result: unknown): void => json(response, 200, { jsonrpc: '2.0', id: message.id, result });
      const call = { headers: request.headers, message, reply, respond: response };
      seen.push(call);
      if (play(call)) return;
      if (era === 'modern') modern(call);
      else legacy(call, sessions);
    });
  });
  const listen = (): Promise<void> => new Promise((done) => server.listen(port, '127.0.0.1', done));
  await listen();
  ({ port } = server.address() as AddressInfo);
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    seen,
    sessions,
    listen,
    stop: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

function modern({ message, reply, respond }: HttpCall): void {
  if (message.method === 'server/discover')
    reply({
      resultType: 'complete',
      supportedVersions: ['2026-07-28'],
      capabilities: { tools: {} },
      _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'modern', version: '1' } },
    });
  else if (message.method === 'tools/call')
    reply({ resultType: 'complete', content: [{ type: 'text', text: 'done' }] });
  else json(respond, 404, { jsonrpc: '2.0', id: message.id, error: { code: -32601, message: 'no such method' } });
}

function legacy({ message, reply, respond, headers }: HttpCall, sessions: Set<string>): void {
  if (message.method === 'initialize') {
    const session = randomUUID();
    sessions.add(session);
    respond.setHeader('mcp-session-id', session);
    return reply({
      protocolVersion: '2025-06-18',
      capabilities: { tools: {} },
      serverInfo: { name: 'legacy', version: '1' },
    });
  }
  const session = headers['mcp-session-id'] as string | undefined;
  if (session === undefined)
    return json(respond, 400, { jsonrpc: '2.0', id: null, error: { code: -32000, message: 'no session' } });
  if (!sessions.has(session))
    return json(respond, 404, { jsonrpc: '2.0', id: null, error: { code: -32001, message: 'Session not found' } });
  if (message.id === undefined || message.method === undefined) return void respond.writeHead(202).end();
  if (message.method === 'tools/call') return reply({ content: [{ type: 'text', text: 'done' }] });
  reply({});
}

export function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** Starts an event stream. */
export function events(response: ServerResponse): (message: unknown, id?: string) => void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  return (message, id) =>
    response.write(`${id === undefined ? '' : `id: ${id}\n`}event: message\ndata: ${JSON.stringify(message)}\n\n`);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
