import { mkdtemp, rm } from 'node:fs/promises';
import { type ServerResponse, createServer } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface FakeContainer {
  Id: string;
  Names: string[];
  Labels: Record<string, string>;
  State?: string;
  Ports: { IP?: string; PrivatePort: number; PublicPort?: number; Type: string }[];
  NetworkSettings: { Networks: Record<string, { IPAddress: string }> };
}

/** The part of the Docker Engine API that lists containers and tells events, on a unix socket. */
export async function fakeDocker() {
  const containers = new Map<string, FakeContainer>();
  const listeners = new Set<ServerResponse>();
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://docker');
    const filters = JSON.parse(url.searchParams.get('filters') ?? '{}') as Record<string, string[]>;
    if (url.pathname === '/events') {
      response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
      listeners.add(response);
      response.on('close', () => listeners.delete(response));
    } else if (url.pathname === '/containers/json') {
      const found = [...containers.values()].filter(
        ({ Id: id, State: state = 'running' }) =>
          (filters['id']?.includes(id) ?? true) && (filters['status']?.includes(state) ?? true),
      );
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(found));
    } else response.writeHead(404).end('{}');
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  const folder = await mkdtemp(join(tmpdir(), 'docker-'));
  const socket = join(folder, 'docker.sock');
  const open = () => new Promise<void>((done) => server.listen(socket, done));
  await open();
  const cut = () => sockets.forEach((one) => one.destroy());
  return {
    socket,
    containers,
    listeners,
    cut,
    /** Podman writes some of the same fields in lower case as well; both lead with `Actor.ID`. */
    tell(id: string, action: string) {
      const event = JSON.stringify({ Type: 'container', Action: action, Actor: { ID: id, Attributes: {} } });
      for (const listener of listeners) {
        // In two pieces, as a stream may come.
        listener.write(event.slice(0, 20));
        listener.write(`${event.slice(20)}\n`);
      }
    },
    run(container: FakeContainer) {
      containers.set(container.Id, container);
      this.tell(container.Id, 'start');
    },
    stop(id: string) {
      containers.delete(id);
      this.tell(id, 'die');
    },
    async pause() {
      cut();
      await new Promise((done) => server.close(done));
      return open;
    },
    async close() {
      cut();
      await new Promise((done) => server.close(done));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export const container = (
  id: string,
  labels: Record<string, string> = {},
  ports: FakeContainer['Ports'] = [{ PrivatePort: 8000, Type: 'tcp' }],
): FakeContainer => ({
  Id: id,
  Names: [`/${id}`],
  Labels: { 'mcp.server': 'true', ...labels },
  Ports: ports,
  NetworkSettings: { Networks: { bridge: { IPAddress: '172.17.0.2' }, back: { IPAddress: '172.18.0.2' } } },
});
