import { once } from 'node:events';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readText } from './body';
import { Outbound, type OutboundOptions, type PlainRequest, type PlainResponse } from './outbound';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const open: (Server | Outbound)[] = [];

async function listen(answer: Answer): Promise<{ port: number; hits: IncomingMessage[] }> {
  const hits: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    hits.push(request);
    answer(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push(server);
  return { port: (server.address() as AddressInfo).port, hits };
}

function outbound(options: OutboundOptions = {}): Outbound {
  const made = new Outbound(options);
  open.push(made);
  return made;
}

afterEach(async () => {
  for (const it of open.splice(0)) {
    if (it instanceof Outbound) await it.close();
    else {
      it.closeAllConnections();
      await new Promise((done) => it.close(done));
    }
  }
});

const refused = { code: 'url_refused' };
const ok: Answer = (_request, response) => response.end('secret');

/** Every spelling reaches the local server when nothing guards the way. */
const spellings = (port: number) => [
  `http://127.0.0.1:${port}/`,
  `http://localhost:${port}/`,
  `http://LOCALHOST.:${port}/`,
  `http://2130706433:${port}/`,
  `http://0x7f000001:${port}/`,
  `http://0x7f.0x0.0x0.0x1:${port}/`,
  `http://0177.0.0.1:${port}/`,
  `http://017700000001:${port}/`,
  `http://127.1:${port}/`,
  `http://127.0.1:${port}/`,
  `http://127.0.0.1.:${port}/`,
  `http://0:${port}/`,
  `http://0.0.0.0:${port}/`,
  `http://[::]:${port}/`,
  `http://[::1]:${port}/`,
  `http://[0:0:0:0:0:0:0:1]:${port}/`,
  `http://[::ffff:127.0.0.1]:${port}/`,
  `http://[::ffff:7f00:1]:${port}/`,
  `http://[::127.0.0.1]:${port}/`,
  `http://[64:ff9b::7f00:1]:${port}/`,
  `http://[2002:7f00:1::]:${port}/`,
  `http://①②⑦.⓪.⓪.①:${port}/`,
  `http://127。0。0。1:${port}/`,
  `http://%31%32%37.0.0.1:${port}/`,
  `http://169.254.169.254/latest/meta-data/`,
  `http://2852039166/latest/meta-data/`,
  `http://0xa9fea9fe/latest/meta-data/`,
  `http://[::ffff:a9fe:a9fe]/latest/meta-data/`,
  `http://[fd00:ec2::254]/latest/meta-data/`,
  `http://user@127.0.0.1:${port}/`,
  `http://example.com@127.0.0.1:${port}/`,
  `http:127.0.0.1:${port}`,
  `http:\\\\127.0.0.1:${port}`,
  'file:///etc/passwd',
  'ftp://127.0.0.1/',
  'gopher://127.0.0.1:6379/_FLUSHALL',
  'data:text/plain,x',
  'blob:nodedata:x',
  'unix:/var/run/docker.sock',
  'not a url',
];

const plain =
  (made: Outbound) =>
  (url: string, init?: PlainRequest): Promise<PlainResponse> =>
    made.request(url, init ?? { method: 'GET', headers: {}, signal: AbortSignal.timeout(2_000) });
const WAYS: [string, (made: Outbound) => (url: string) => Promise<unknown>][] = [
  ['fetch', (made) => (url) => made.fetch(url, { signal: AbortSignal.timeout(2_000) })],
  ['a plain request', plain],
];

describe.each(WAYS)('%s', (_, way) => {
  it('refuses every way of spelling an inner address, before a connection is made', async () => {
    const { port, hits } = await listen(ok);
    const send = way(outbound());
    const let_through = [];
    for (const url of spellings(port)) {
      const error: unknown = await send(url).then(
        () => 'answered',
        (error: unknown) => error,
      );
      if ((error as { code?: string }).code !== 'url_refused') let_through.push([url, error]);
    }
    expect(let_through).toEqual([]);
    expect(hits).toHaveLength(0);
  });

  it('refuses a redirect to an inner address, however many hops away', async () => {
    const inner = await listen(ok);
    const hop: Answer = (request, response) =>
      response.writeHead(302, { location: request.url === '/a' ? '/b' : `http://127.0.0.1:${inner.port}/` }).end();
    const outer = await listen(hop);
    const send = way(outbound({ allow: [`127.0.0.1:${outer.port}`] }));
    await expect(send(`http://127.0.0.1:${outer.port}/a`)).rejects.toMatchObject(refused);
    expect(outer.hits).toHaveLength(2);
    expect(inner.hits).toHaveLength(0);
  });

  it.each(['file:///etc/passwd', 'http://0x7f.1/', 'http://user:pw@example.com/', '//169.254.169.254/', 'data:,x'])(
    'refuses a redirect to %s',
    async (location) => {
      const { port } = await listen((_request, response) => response.writeHead(307, { location }).end());
      await expect(way(outbound({ allow: [`127.0.0.1:${port}`] }))(`http://127.0.0.1:${port}/`)).rejects.toMatchObject(
        refused,
      );
    },
  );

  it('connects to the address it checked when the name answers differently the next time', async () => {
    const { port, hits } = await listen(ok);
    let asked = 0;
    const rebinding = async () => [{ address: asked++ === 0 ? '127.0.0.2' : '127.0.0.1', family: 4 }];
    const send = way(outbound({ allow: ['127.0.0.2'], resolve: rebinding }));
    // Nobody listens on 127.0.0.2, so the one connection that is tried fails; it never goes to the second answer.
    await expect(send(`http://rebind.test:${port}/`)).rejects.toThrow();
    expect(asked).toBe(1);
    await expect(send(`http://rebind.test:${port}/`)).rejects.toMatchObject(refused);
    expect(hits).toHaveLength(0);
  });

  it('refuses a name that has an inner address beside a public one', async () => {
    const both = async () => [
      { address: '93.184.216.34', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ];
    await expect(way(outbound({ resolve: both }))('http://mixed.test/')).rejects.toMatchObject(refused);
  });
});

it('reaches what is allow-listed, by name, with the body and the headers', async () => {
  const { port, hits } = await listen(ok);
  const { fetch } = outbound({ allow: ['tools.test'], resolve: async () => [{ address: '127.0.0.1', family: 4 }] });
  const response = await fetch(`http://tools.test:${port}/x`, {
    method: 'POST',
    body: '{}',
    headers: { 'x-key': 'k' },
  });
  expect(await response.text()).toBe('secret');
  expect(hits[0]?.headers).toMatchObject({ host: `tools.test:${port}`, 'x-key': 'k' });
});

it('keeps credentials from another origin and the method of a 307, for a plain request too', async () => {
  const target = await listen((request, response) => request.pipe(response));
  const { port } = await listen((_request, response) =>
    response.writeHead(307, { location: `http://127.0.0.1:${target.port}/` }).end(),
  );
  const init = {
    method: 'POST' as const,
    body: 'again',
    headers: { authorization: 'Bearer k', 'x-api-key': 'k', accept: 'text/plain' },
    signal: AbortSignal.timeout(5_000),
  };
  for (const send of [outbound({ allow: ['loopback'] }).fetch, plain(outbound({ allow: ['loopback'] }))]) {
    expect(await readText(await send(`http://127.0.0.1:${port}/`, init), 1_000)).toBe('again');
    const hit = target.hits.pop();
    expect(hit?.method).toBe('POST');
    expect(hit?.headers).not.toHaveProperty('authorization');
    expect(hit?.headers).not.toHaveProperty('x-api-key');
    expect(hit?.headers.accept).toBe('text/plain');
  }
});

it('gives up on a loop of redirects', async () => {
  const { port, hits } = await listen((_request, response) => response.writeHead(302, { location: '/' }).end());
  await expect(outbound({ allow: ['loopback'] }).fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow(
    /more than 5 times/,
  );
  expect(hits).toHaveLength(6);
});

it('checks a URL without requesting it', async () => {
  const { port, hits } = await listen(ok);
  await expect(outbound().check(`http://localhost:${port}/`)).rejects.toMatchObject(refused);
  await outbound().allowing(['localhost']).check(`http://localhost:${port}/`);
  expect(hits).toHaveLength(0);
});

it('reads no more of a body than allowed', async () => {
  const { port } = await listen((_request, response) => response.end('x'.repeat(100_000)));
  const response = await outbound({ allow: ['loopback'] }).fetch(`http://127.0.0.1:${port}/`);
  await expect(readText(response, 1000)).rejects.toMatchObject({ code: 'payload_too_large' });
});
