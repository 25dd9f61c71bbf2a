import { createServer } from 'node:http';
import { json, listening } from '../testing/fake-mcp';
import { SourceProbe } from '../testing/source-probe';
import { domainsSource } from './domains.source';

let documents: Record<string, unknown>;
let site: Awaited<ReturnType<typeof listening>>;
let origin: string;
let probe: SourceProbe;

beforeEach(async () => {
  documents = {};
  const server = createServer((request, response) => {
    const document = documents[request.url ?? ''];
    if (document === 'down') response.writeHead(500).end();
    else if (document === undefined) response.writeHead(404).end();
    else json(response, 200, document);
  });
  site = await listening(server);
  origin = `http://127.0.0.1:${site.port}`;
  probe = new SourceProbe();
});
afterEach(async () => {
  await probe.stop();
  await site.close();
});

const card = (name: string, url: string) => ({
  $schema: 'https://static.modelcontextprotocol.io/schemas/v1/server-card.schema.json',
  name,
  version: '1.0.0',
  description: 'd',
  remotes: [{ type: 'streamable-http', url }],
});
const entry = (more: object) => ({ identifier: 'urn:air:x', type: 'application/mcp-server-card+json', ...more });

it('reads the catalogue of a domain, cards inside of it and cards it points to', async () => {
  documents['/.well-known/ai-catalog.json'] = {
    specVersion: '1.0',
    entries: [
      entry({ url: '/cards/a' }),
      entry({ data: card('test/b', 'https://b.test/mcp') }),
      { identifier: 'urn:air:y', type: 'application/a2a-agent-card+json', url: '/agent' },
    ],
  };
  documents['/cards/a'] = card('test/a', 'https://a.test/mcp');
  await probe.look(domainsSource, { domains: [origin] });
  expect(probe.places).toEqual(['test/a https://a.test/mcp', 'test/b https://b.test/mcp']);
});

it('falls back to where cards stood before, and reads the card beside an MCP URL', async () => {
  documents['/.well-known/mcp/server-card.json'] = card('test/old', 'https://old.test/mcp');
  documents['/mcp/server-card'] = card('test/url', 'https://url.test/mcp');
  await probe.look(domainsSource, { domains: [origin], mcpUrls: [`${origin}/mcp`] });
  expect(probe.places).toEqual(['test/old https://old.test/mcp', 'test/url https://url.test/mcp']);
});

it('keeps what a domain said that is away now, and goes on with the others', async () => {
  documents['/.well-known/mcp/server-card.json'] = card('test/old', 'https://old.test/mcp');
  documents['/mcp/server-card'] = card('test/url', 'https://url.test/mcp');
  const settings = { domains: [origin], mcpUrls: [`${origin}/mcp`] };
  await probe.look(domainsSource, settings);
  documents['/.well-known/ai-catalog.json'] = 'down';
  documents['/mcp/server-card'] = card('test/url', 'https://new.test/mcp');
  await expect(probe.look(domainsSource, settings)).rejects.toThrow('500');
  expect(probe.places).toEqual(['test/old https://old.test/mcp', 'test/url https://new.test/mcp']);
});

it('passes over a card that is none', async () => {
  documents['/.well-known/mcp.json'] = { hello: 'world' };
  await probe.look(domainsSource, { domains: [origin] });
  expect(probe.places).toEqual([]);
  expect(probe.warnings).toHaveLength(1);
});
