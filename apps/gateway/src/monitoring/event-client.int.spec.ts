import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { MonitorEvent } from '@mcp-router/shared';
import { EventClient } from './event-client';

const event = (seq: number, text = ''): MonitorEvent => ({
  seq,
  id: `0190a0a0-0000-7000-8000-${String(seq).padStart(12, '0')}`,
  at: '2026-11-22T12:00:00.000Z',
  type: 'server.added',
  topic: 'server',
  data: { text },
});

/** A reader's side and the server's side of one event stream. */
async function open(after: number, wants: (event: MonitorEvent) => boolean = () => true) {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const opened = new Promise<ServerResponse>((resolve) => server.once('request', (_, response) => resolve(response)));
  const reader = request({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' }).end();
  const reading = new Promise<IncomingMessage>((resolve) => reader.once('response', resolve));
  const response: ServerResponse = await opened;
  const client = new EventClient(response, { maxBufferedBytes: 100_000, heartbeatMs: 60_000, wants }, after);
  return { client, response, incoming: await reading, close: () => (reader.destroy(), server.close()) };
}

async function readAll(incoming: IncomingMessage): Promise<{ id: string; event: string }[]> {
  incoming.setEncoding('utf8');
  let text = '';
  for await (const chunk of incoming) text += chunk as string;
  return [...text.matchAll(/^id: (.*)\nevent: (.*)$/gm)].map(([, id = '', name = '']) => ({ id, event: name }));
}

it('writes each event once, in order, and only what is wanted', async () => {
  const { client, response, incoming, close } = await open(2, ({ seq }) => seq !== 4);
  client.send([event(1), event(2), event(3), event(4)]);
  client.send([event(3), event(5)]);
  response.end();
  expect((await readAll(incoming)).map(({ id }) => id)).toEqual(['3', '5']);
  close();
});

it('leaves events out for a reader that does not read, and says so when it reads again', async () => {
  const { client, response, incoming, close } = await open(0);
  const large = 'x'.repeat(50_000);
  for (let seq = 1; seq <= 400; seq++) client.send([event(seq, large)]);
  // What is held for it stays within the limit and one event.
  expect(response.writableLength).toBeLessThan(160_000);
  const all = readAll(incoming);
  await client.drained();
  client.send([event(401)]);
  response.end();
  const seen = await all;
  const gap = seen.findIndex(({ event: name }) => name === 'gap');
  expect(gap).toBeGreaterThan(0);
  expect(seen.slice(gap).map(({ id }) => id)).toEqual(['400', '401']);
  expect(seen.slice(0, gap).map(({ id }) => Number(id))).toEqual(Array.from({ length: gap }, (_, i) => i + 1));
  close();
});
