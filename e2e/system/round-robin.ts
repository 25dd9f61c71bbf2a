import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * A load balancer that knows nothing of sessions: every request goes to the next backend in turn. One that refuses the
 * connection is passed over, as any balancer does; nothing that a backend may have seen is sent twice.
 *
 * @param backends  ports on 127.0.0.1; those that are `resting` get nothing new, as when Kubernetes stops a pod
 */
export async function startRoundRobin(
  backends: readonly number[],
): Promise<{ port: number; resting: Set<number>; close(): Promise<void> }> {
  let turn = 0;
  const resting = new Set<number>();
  const server = createServer((incoming, outgoing) => forward(incoming, outgoing, turn++, backends.length));

  function forward(incoming: IncomingMessage, outgoing: ServerResponse, at: number, triesLeft: number): void {
    const { method, url, headers } = incoming;
    const port = backends[at % backends.length] ?? 0;
    if (resting.has(port) && triesLeft > 1) return forward(incoming, outgoing, at + 1, triesLeft - 1);
    const onward = request({ host: '127.0.0.1', port, method, path: url, headers, agent: false }, (reply) => {
      outgoing.writeHead(reply.statusCode ?? 502, reply.headers);
      outgoing.flushHeaders();
      reply.pipe(outgoing).on('close', () => reply.destroy());
      reply.on('error', () => outgoing.destroy());
    });
    onward.on('error', (error: NodeJS.ErrnoException) => {
      if (outgoing.headersSent) outgoing.destroy();
      else if (error.code === 'ECONNREFUSED' && triesLeft > 1) forward(incoming, outgoing, at + 1, triesLeft - 1);
      else outgoing.writeHead(502).end();
    });
    // The body flows only into a connection that stands, so it is still whole when another backend is tried.
    onward.on('socket', (socket) => socket.once('connect', () => incoming.pipe(onward)));
    outgoing.on('close', () => onward.destroy());
  }

  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, resting, close: () => close(server) };
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
