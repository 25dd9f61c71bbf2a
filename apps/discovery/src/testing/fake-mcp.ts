import { once } from 'node:events';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** One JSON-RPC request as it arrived at a fake. */
export interface Asked {
  method: string;
  id: number | undefined;
  params: Record<string, unknown>;
  request: IncomingMessage;
}

export type Behaviour = (asked: Asked, response: ServerResponse) => void | Promise<void>;

export interface FakeServer {
  url: string;
  port: number;
  asked: Asked[];
  /** Every request line, GET and DELETE too. */
  lines: string[];
  close(): Promise<void>;
}

/** Listens on a free port of 127.0.0.1 and lets `behaviour` answer what is posted to `/mcp`. */
export async function fakeMcp(
  behaviour: Behaviour,
  other?: (request: IncomingMessage, response: ServerResponse) => void,
) {
  const asked: Asked[] = [];
  const lines: string[] = [];
  const server = createServer((request, response) => {
    lines.push(`${request.method} ${request.url}`);
    if (request.method !== 'POST') {
      if (other) other(request, response);
      else response.writeHead(405).end();
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method, id, params } = JSON.parse(Buffer.concat(chunks).toString()) as Partial<Asked> &
        Pick<Asked, 'method'>;
      const one = { method, id, params: params ?? {}, request };
      asked.push(one);
      void behaviour(one, response);
    });
  });
  return { ...(await listening(server)), asked, lines } satisfies FakeServer;
}

/** Starts a server on a free port; closing it also cuts its open connections. */
export async function listening(server: Server, path = '/mcp') {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  const close = async () => {
    cut();
    await new Promise((done) => server.close(done));
  };
  return { url: `http://127.0.0.1:${port}${path}`, port, close, cut };
}

export const json = (response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}) =>
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));

export const sse = (response: ServerResponse, ...messages: unknown[]) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(': hello\r\n\r\n');
  for (const message of messages) response.write(`event: message\ndata: ${JSON.stringify(message)}\n\n`);
  response.end();
};

export const result = (id: number | undefined, value: unknown) => ({ jsonrpc: '2.0', id, result: value });
export const failure = (id: number | undefined, code: number, data?: unknown) => ({
  jsonrpc: '2.0',
  id,
  error: { code, message: `error ${code}`, ...(data === undefined ? {} : { data }) },
});

const TOOLS = ['add', 'echo'].map((name) => ({ name, inputSchema: { type: 'object' } }));
const capabilities = { tools: {} };

/** A server of 2026-07-28 only: stateless, no `initialize`. */
export const modern: Behaviour = ({ method, id }, response) => {
  if (method === 'server/discover')
    json(
      response,
      200,
      result(id, { supportedVersions: ['2026-07-28'], capabilities, serverInfo: { name: 'fake', version: '1' } }),
    );
  else if (method === 'tools/list') json(response, 200, result(id, { tools: TOOLS, ttlMs: 0, cacheScope: 'private' }));
  else json(response, 404, failure(id, -32601));
};

/** A server of 2025-11-25 that answers JSON and keeps no sessions. */
export const legacy: Behaviour = ({ method, id }, response) => {
  if (method === 'initialize')
    json(
      response,
      200,
      result(id, { protocolVersion: '2025-11-25', capabilities, serverInfo: { name: 'fake', version: '1' } }),
    );
  else if (method === 'notifications/initialized') response.writeHead(202).end();
  else if (method === 'tools/list') json(response, 200, result(id, { tools: TOOLS }));
  else json(response, 200, failure(id, -32601));
};

/** A server of 2025-11-25 with sessions: whatever comes without one, or before `initialize`, is a 400. */
export const legacySession: Behaviour = (asked, response) => {
  if (asked.method === 'initialize') response.setHeader('mcp-session-id', 's-1');
  else if (asked.request.headers['mcp-session-id'] !== 's-1')
    return void json(response, 400, {
      jsonrpc: '2.0',
      id: null,
      error: { code: -32000, message: 'Bad Request: no session' },
    });
  return legacy(asked, response);
};

/** A server of the HTTP+SSE transport (2024-11-05): POST to its URL is no method it knows. */
export async function fakeSse(): Promise<FakeServer> {
  let stream: ServerResponse | undefined;
  const send = (value: unknown) => stream?.write(`event: message\ndata: ${JSON.stringify(value)}\n\n`);
  return fakeMcp(
    ({ method, id, request }, response) => {
      if (!request.url?.startsWith('/messages')) return void response.writeHead(404).end('Cannot POST /mcp');
      response.writeHead(202).end('Accepted');
      if (method === 'initialize')
        send(result(id, { protocolVersion: '2024-11-05', capabilities, serverInfo: { name: 'old' } }));
      else if (method === 'tools/list') send(result(id, { tools: TOOLS }));
      else if (id !== undefined) send(failure(id, -32601));
    },
    (_request, response) => {
      stream = response;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('event: endpoint\ndata: /messages?session=1\n\n');
    },
  );
}
