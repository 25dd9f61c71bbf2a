import { Agent, createServer, request, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HttpDrain } from './http-drain';

/** Answers after the milliseconds that its path names; `/stream` and `/mcp` are event streams without an end. */
function startDoor(drain: HttpDrain): Promise<{ server: Server; port: number }> {
  const server = createServer((incoming, response) => {
    const isMcp = incoming.url === '/mcp';
    drain.track(response, isMcp);
    if (isMcp || incoming.url === '/stream') {
      response.setHeader('content-type', 'text/event-stream');
      response.writeHead(200);
      response.write(': \n\n');
    } else setTimeout(() => response.end('done'), Number(incoming.url?.slice(1))).unref();
  });
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve({ server, port: (server.address() as AddressInfo).port })),
  );
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code ?? 'unknown';

describe('the HTTP door of a gateway that stops', () => {
  let drain: HttpDrain;
  let server: Server;
  let port: number;
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  beforeEach(async () => {
    drain = new HttpDrain();
    ({ server, port } = await startDoor(drain));
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });
  afterAll(() => agent.destroy());

  const open = (path: string): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => request({ port, path, agent }, resolve).on('error', reject).end());
  const get = async (path: string): Promise<string> => {
    let text = '';
    for await (const chunk of await open(path)) text += String(chunk);
    return text;
  };

  it('answers what is in flight, and nobody on a connection that was kept open sees it close under a request', async () => {
    const faults: string[] = [];
    let over = false;
    let answers = 0;
    const caller = async (): Promise<void> => {
      while (!over) {
        const outcome = await get('/20').catch(codeOf);
        if (outcome === 'done') answers++;
        // Refused before anything was sent: a balancer asks the next replica.
        else if (outcome === 'ECONNREFUSED') return;
        else faults.push(outcome);
      }
    };
    const load = Array.from({ length: 8 }, caller);
    const slow = get('/1200');
    while (answers < 50) await new Promise((resolve) => setTimeout(resolve, 5));
    await drain.drain(server, 10_000, () => undefined);
    over = true;
    await Promise.all(load);
    expect(await slow).toBe('done');
    expect(faults).toEqual([]);
    expect(drain.inFlight).toBe(0);
  });

  it('ends event streams instead of waiting for them, and leaves those of MCP to their edge', async () => {
    const [events, mcp] = await Promise.all([open('/stream'), open('/mcp')]);
    const over = new Promise((resolve) => events.resume().once('end', resolve));
    let asked = 0;
    await drain.drain(server, 10_000, () => {
      asked++;
      mcp.destroy();
    });
    await over;
    expect(asked).toBeGreaterThan(0);
  });

  it('waits no longer than it may', async () => {
    const hanging = get('/60000').catch(codeOf);
    while (drain.inFlight === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await drain.drain(server, 100, () => undefined);
    expect(drain.inFlight).toBe(1);
    server.closeAllConnections();
    expect(await hanging).toBe('ECONNRESET');
  });
});
