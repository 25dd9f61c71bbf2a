import { Agent, createServer, request, type IncomingMessage, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { HttpDrain, LINGER_MS } from './http-drain';

/** Answers after the milliseconds that its path names; `/stream` and `/mcp` are event streams without an end. */
function startDoor(drain: HttpDrain, seen: () => void): Promise<{ server: Server; port: number }> {
  const server = createServer((incoming, response) => {
    seen();
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

/** Sends one request on the socket. */
const ask = (socket: Socket): Promise<'answered' | 'closed'> =>
  new Promise((resolve) => {
    socket.once('data', () => resolve('answered'));
    socket.on('error', () => resolve('closed')).once('close', () => resolve('closed'));
    socket.write('GET /1 HTTP/1.1\r\nHost: door\r\n\r\n');
  });

const standStill = (ms: number): void => {
  const until = Date.now() + ms;
  while (Date.now() < until);
};

describe('the HTTP door of a gateway that stops', () => {
  let drain: HttpDrain;
  let server: Server;
  let port: number;
  let requests: number;
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  beforeEach(async () => {
    drain = new HttpDrain();
    requests = 0;
    ({ server, port } = await startDoor(drain, () => requests++));
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });
  afterAll(() => agent.destroy());

  /** Fails with `NOT TAKEN` on a new connection that the kernel closed before the door took it: a balancer goes on. */
  const open = (path: string): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const sent = request({ port, path, agent }, resolve);
      sent
        .on('error', (error) => reject(sent.reusedSocket ? error : Object.assign(error, { code: 'NOT TAKEN' })))
        .end();
    });
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
        else if (outcome === 'NOT TAKEN') return;
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
    expect(answers + 1).toBe(requests);
    expect(drain.inFlight).toBe(0);
  });

  it.each([
    ['it stops to listen', LINGER_MS, () => connect(port, '127.0.0.1')],
    ['it closes what is idle', 2 * LINGER_MS, (kept: Socket) => kept],
  ])('takes what came while its process stood still, also if it wakes when %s', async (_, moment, caller) => {
    const kept = connect(port, '127.0.0.1');
    expect(await ask(kept)).toBe('answered');
    const drained = drain.drain(server, 10_000, () => undefined);
    await new Promise((resolve) => setTimeout(resolve, moment - 50));
    // After this phase of the loop come the timers, and only then what the kernel has.
    await new Promise(setImmediate);
    const outcome = ask(caller(kept));
    // A microtask comes after the ticks in which a socket connects or writes.
    queueMicrotask(() => standStill(200));
    await drained;
    expect(await outcome).toBe('answered');
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
    // The connection was new: not taken, as far as the client can tell.
    expect(await hanging).toBe('NOT TAKEN');
  });
});
