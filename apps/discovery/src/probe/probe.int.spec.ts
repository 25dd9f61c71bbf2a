import { Outbound } from '@mcp-router/platform';
import {
  type Behaviour,
  type FakeServer,
  failure,
  fakeMcp,
  fakeSse,
  json,
  legacy,
  legacySession,
  modern,
  result,
  sse,
} from '../testing/fake-mcp';
import { type ProbeOptions, probe } from './probe';

const outbound = new Outbound({ allow: ['127.0.0.1'] });
const fakes: FakeServer[] = [];

afterEach(async () => {
  await Promise.all(fakes.splice(0).map((fake) => fake.close()));
});
afterAll(() => outbound.close());

async function start(fake: Promise<FakeServer>): Promise<FakeServer> {
  fakes.push(await fake);
  return fakes.at(-1) as FakeServer;
}
const run = (fake: FakeServer, options: Partial<ProbeOptions> = {}) =>
  probe(fake.url, 'http', { outbound, timeoutMs: 5000, depth: 'full', ...options });

const modernAnswers: Record<string, Behaviour> = {
  'answers server/discover with JSON': modern,
  'answers server/discover on an event stream': (asked, response) =>
    asked.method === 'server/discover'
      ? sse(response, { jsonrpc: '2.0', method: 'notifications/message' }, result(asked.id, DISCOVERED))
      : modern(asked, response),
  'speaks both eras': (asked, response) =>
    asked.method === 'initialize' ? legacy(asked, response) : modern(asked, response),
  'asks for a later revision with -32022': (asked, response) =>
    asked.request.headers['mcp-protocol-version'] === '2027-01-01'
      ? void json(response, 200, result(asked.id, { ...DISCOVERED, supportedVersions: ['2027-01-01'], tools: [] }))
      : void json(response, 400, failure(asked.id, -32022, { supported: ['2027-01-01'], requested: '2026-07-28' })),
};
const DISCOVERED = { supportedVersions: ['2026-07-28', '2025-11-25'], capabilities: { tools: {} } };

it.each(Object.entries(modernAnswers))('knows a server for modern that %s', async (_title, behaviour) => {
  const fake = await start(fakeMcp(behaviour));
  await expect(run(fake)).resolves.toMatchObject({ era: 'modern', transport: 'http' });
  expect(fake.asked.map(({ method }) => method)).not.toContain('initialize');
});

const refusing =
  (refuse: Behaviour): Behaviour =>
  (asked, response) =>
    asked.method === 'server/discover' ? refuse(asked, response) : legacy(asked, response);

const legacyAnswers: Record<string, Behaviour> = {
  'does not know server/discover (200, -32601)': legacy,
  'wants a session first (400, -32000)': legacySession,
  'answers 400 without a body': refusing((_asked, response) => void response.writeHead(400).end()),
  'answers 404 with a page': refusing((_asked, response) => void response.writeHead(404).end('<html>no</html>')),
  'answers 404 and -32601': refusing(({ id }, response) => void json(response, 404, failure(id, -32601))),
  'answers 400 and -32600': refusing(({ id }, response) => void json(response, 400, failure(id, -32600))),
  'answers 406': refusing((_asked, response) => void response.writeHead(406).end()),
  'answers anything with an empty result': refusing(({ id }, response) => void json(response, 200, result(id, {}))),
  'names only old revisions in -32022': refusing(
    ({ id }, response) => void json(response, 400, failure(id, -32022, { supported: ['2025-11-25', '2025-06-18'] })),
  ),
  'answers on event streams': (asked, response) =>
    asked.method === 'initialize'
      ? sse(response, result(asked.id, { protocolVersion: '2025-06-18', capabilities: { tools: {} } }))
      : asked.method === 'tools/list'
        ? sse(response, result(asked.id, { tools: [] }))
        : legacy(asked, response),
};

it.each(Object.entries(legacyAnswers))('knows a server for legacy that %s', async (_title, behaviour) => {
  await expect(run(await start(fakeMcp(behaviour)))).resolves.toMatchObject({ era: 'legacy', transport: 'http' });
});

it('falls back to the HTTP+SSE transport of 2024-11-05', async () => {
  const fake = await start(fakeSse());
  const seen = { era: 'legacy', transport: 'sse', protocolVersion: '2024-11-05', counts: { tools: 2 } };
  await expect(run(fake)).resolves.toMatchObject(seen);
  await expect(probe(fake.url, 'sse', { outbound, timeoutMs: 5000, depth: 'full' })).resolves.toMatchObject(seen);
});

const failures: Record<string, [Behaviour, string]> = {
  'asks for credentials': [
    (_asked, response) =>
      void response.writeHead(401, { 'www-authenticate': 'Bearer resource_metadata="https://x.test/prm"' }).end(),
    'auth_required',
  ],
  forbids: [(_asked, response) => void response.writeHead(403).end(), 'forbidden'],
  'asks for fewer requests': [(_asked, response) => void response.writeHead(429).end(), 'rate_limited'],
  'fails with 500': [(_asked, response) => void response.writeHead(500).end(), 'server_error'],
  'fails with 503 and a legacy-looking body': [
    ({ id }, response) => void json(response, 503, failure(id, -32601)),
    'server_error',
  ],
  'says nothing': [() => undefined, 'probe_timeout'],
  'sends its answer one byte a second': [
    (_asked, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{');
    },
    'probe_timeout',
  ],
  'hangs up': [({ request }) => void request.socket.destroy(), 'connection_failed'],
  'is a web page': [
    (_asked, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
    'protocol_unsupported',
  ],
  'speaks JSON, but no MCP': [(_asked, response) => void json(response, 200, { ok: true }), 'protocol_unsupported'],
  'redirects to an inner address': [
    (_asked, response) => void response.writeHead(307, { location: 'http://127.0.0.2/mcp' }).end(),
    'url_refused',
  ],
  'answers without end': [
    (_asked, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const more = () => {
        while (!response.destroyed && response.write(' '.repeat(1_000_000)));
      };
      response.on('drain', more);
      more();
    },
    'catalogue_too_large',
  ],
};

it.each(Object.entries(failures))('takes no era from a server that %s', async (_title, [behaviour, code]) => {
  await expect(run(await start(fakeMcp(behaviour)))).rejects.toMatchObject({ code });
});

it('reports where credentials are described', async () => {
  const [behaviour] = failures['asks for credentials'] as [Behaviour, string];
  await expect(run(await start(fakeMcp(behaviour)))).rejects.toThrow('https://x.test/prm');
});

it('reports a port that nobody listens on', async () => {
  const fake = await fakeMcp(modern);
  await fake.close();
  await expect(run(fake)).rejects.toThrow('cannot be reached (ECONNREFUSED)');
});

it('refuses a server on an inner address unless it is allow-listed', async () => {
  const fake = await start(fakeMcp(modern));
  await expect(run(fake, { outbound: new Outbound() })).rejects.toMatchObject({ code: 'url_refused' });
  expect(fake.asked).toEqual([]);
});

const paged =
  (pages: Record<string, { tools: unknown; nextCursor?: string | null }>): Behaviour =>
  (asked, response) =>
    asked.method === 'tools/list'
      ? void json(response, 200, result(asked.id, pages[(asked.params['cursor'] as string | undefined) ?? '']))
      : legacy(asked, response);

const tool = (name: string, extra = {}) => ({ name, ...extra });

it('counts over all pages and hashes what the lists say, not how they are written', async () => {
  const one = await run(
    await start(
      fakeMcp(paged({ '': { tools: [tool('a', { x: 1, y: 2 })], nextCursor: '2' }, 2: { tools: [tool('b')] } })),
    ),
  );
  const same = await run(
    await start(fakeMcp(paged({ '': { tools: [tool('b'), tool('a', { y: 2, x: 1 })], nextCursor: null } }))),
  );
  const other = await run(await start(fakeMcp(paged({ '': { tools: [tool('b'), tool('a', { y: 2, x: 3 })] } }))));
  expect(one.counts?.tools).toBe(2);
  expect(same.catalogueHash).toBe(one.catalogueHash);
  expect(other.catalogueHash).not.toBe(one.catalogueHash);
});

it('stops at a cursor that comes again', async () => {
  const fake = await start(fakeMcp(paged({ '': { tools: [], nextCursor: 'x' }, x: { tools: [], nextCursor: 'x' } })));
  await expect(run(fake)).rejects.toMatchObject({ code: 'bad_catalogue' });
});

it('stops at a list that is too long', async () => {
  let page = 0;
  const fake = await start(
    fakeMcp((asked, response) =>
      asked.method === 'tools/list'
        ? void json(response, 200, result(asked.id, { tools: Array(2000).fill(tool('t')), nextCursor: `${page++}` }))
        : legacy(asked, response),
    ),
  );
  await expect(run(fake)).rejects.toMatchObject({ code: 'catalogue_too_large' });
});

it('leaves no session behind', async () => {
  const fake = await start(fakeMcp(legacySession, (_request, response) => void response.writeHead(200).end()));
  await run(fake);
  await run(fake, { depth: 'health' });
  expect(fake.lines.filter((line) => line.startsWith('DELETE'))).toHaveLength(2);
});

it('asks one request for a sign of life when the era is known', async () => {
  const [old, young] = [await start(fakeMcp(legacy)), await start(fakeMcp(modern))];
  await run(old, { depth: 'health', knownEra: 'legacy' });
  await run(young, { depth: 'health', knownEra: 'modern' });
  expect(old.asked.map(({ method }) => method)).toEqual(['initialize']);
  expect(young.asked.map(({ method }) => method)).toEqual(['server/discover']);
});
