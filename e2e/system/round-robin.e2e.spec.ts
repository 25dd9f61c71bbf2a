import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { freePort } from './free-port';
import { startRoundRobin } from './round-robin';

describe('the round-robin before several gateways', () => {
  const servers: Server[] = [];
  const balancers: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    await Promise.all(balancers.splice(0).map((balancer) => balancer.close()));
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });

  async function backend(name: string, seen: string[] = []): Promise<number> {
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        seen.push(body);
        response.end(`${name} got ${body}`);
      });
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  }

  async function balance(...ports: number[]): Promise<(body: string) => Promise<string>> {
    const balancer = await startRoundRobin(ports);
    balancers.push(balancer);
    return async (body) => (await fetch(`http://127.0.0.1:${balancer.port}`, { method: 'POST', body })).text();
  }

  it('takes turns', async () => {
    const post = await balance(await backend('a'), await backend('b'));
    expect([await post('1'), await post('2'), await post('3')]).toEqual(['a got 1', 'b got 2', 'a got 3']);
  });

  it('passes over a backend that is not there, with the body whole', async () => {
    const post = await balance(await freePort(), await backend('b'));
    expect([await post('x'.repeat(100_000)), await post('2')]).toEqual([`b got ${'x'.repeat(100_000)}`, 'b got 2']);
  });

  it('answers 502 and sends nothing again when a backend dies with the request', async () => {
    const seen: string[] = [];
    const dying = createServer((request) => request.on('data', () => request.socket.destroy()));
    servers.push(dying);
    await new Promise<void>((resolve) => dying.listen(0, '127.0.0.1', resolve));
    const post = await balance((dying.address() as AddressInfo).port, await backend('b', seen));
    await post('payment');
    expect(seen).toEqual([]);
  });
});
