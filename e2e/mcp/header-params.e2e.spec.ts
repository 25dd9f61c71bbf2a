import { httpServer, json, type HttpCall, type HttpServer } from '../../apps/router/src/testing/http-server';
import { startSystem, type System } from '../system';
import { JSON_HEADERS, post, RawSession, type JsonRpc } from './raw-client';

const HEADER_MISMATCH = -32020;
const region = 'eu';

/** What a server says that its argument `region` is repeated in, and what it wants. */
const header = { listed: undefined as string | undefined, wanted: undefined as string | undefined };
/** Called when the tools are listed. */
let onList = (): void => undefined;

function play({ message, headers, reply, respond }: HttpCall): boolean {
  if (message.method === 'tools/list') {
    onList();
    const property = { type: 'string', ...(header.listed !== undefined && { 'x-mcp-header': header.listed }) };
    const inputSchema = { type: 'object', properties: { region: property } };
    reply({ resultType: 'complete', tools: [{ name: 'where', inputSchema }] });
    return true;
  }
  if (message.method !== 'tools/call' || header.wanted === undefined) return false;
  if (headers[`mcp-param-${header.wanted.toLowerCase()}`] === region) return false;
  const error = { code: HEADER_MISMATCH, message: `Mcp-Param-${header.wanted} is missing` };
  json(respond, 400, { jsonrpc: '2.0', id: message.id, error });
  return true;
}

describe('a server of the new era whose tools want other headers than it listed', () => {
  let system: System;
  let server: HttpServer;
  beforeAll(async () => {
    server = await httpServer('modern', play);
    system = await startSystem({ discovery: 0, monitor: 0, analyzer: 0 });
    await system.addServer({ slug: 'moved', type: 'http', url: server.url });
  });
  afterAll(async () => {
    await system.stop();
    await server.stop();
  });
  beforeEach(() => void (onList = () => undefined));

  const posted = (method: string) => server.seen.filter(({ message }) => message.method === method).length;
  /** The requests that `work` made the server get. */
  const during = async (work: () => Promise<JsonRpc>) => {
    const before = [posted('tools/call'), posted('tools/list')] as const;
    const { result, error } = await work();
    const [calls, lists] = [posted('tools/call') - before[0], posted('tools/list') - before[1]];
    return {
      text: (result?.['content'] as { text: string }[] | undefined)?.[0]?.text,
      code: error?.code,
      calls,
      lists,
    };
  };
  const modern = async (method: string, params: object, headers: object = {}) => {
    const _meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {},
    };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 'm', method, params: { ...params, _meta } });
    const { status, texts } = await post(`${system.url}/mcp/moved`, body, {
      ...JSON_HEADERS,
      ...{ 'mcp-protocol-version': '2026-07-28', 'mcp-method': method },
      ...headers,
    });
    return { status, ...(JSON.parse(texts.at(-1) ?? '{}') as JsonRpc) };
  };

  it.each([
    ['/mcp/moved', 'where', 'Region'],
    ['/mcp', 'moved__where', 'Area'],
  ])('is asked for its tools and called once more for an old client on %s', async (path, name, wanted) => {
    const session = await RawSession.open(system.url + path);
    Object.assign(header, { listed: wanted, wanted });
    const call = () => session.call(name, { region });
    expect(await during(call)).toEqual({ text: 'done', code: undefined, calls: 2, lists: 1 });
    // Now it is known.
    expect(await during(call)).toEqual({ text: 'done', code: undefined, calls: 1, lists: 0 });
  });

  it('is called once more only, and not at all when its tools are as they were', async () => {
    const session = await RawSession.open(`${system.url}/mcp/moved`);
    Object.assign(header, { listed: 'Area', wanted: 'Never-Listed' });
    const call = () => session.call('where', { region });
    expect(await during(call)).toEqual({ text: undefined, code: HEADER_MISMATCH, calls: 1, lists: 1 });
    let listings = 0;
    onList = () => void (header.listed = `Area-${++listings}`);
    expect(await during(call)).toEqual({ text: undefined, code: HEADER_MISMATCH, calls: 2, lists: 1 });
  });

  it('is known to a new client by the list that it reads after the refusal', async () => {
    Object.assign(header, { listed: 'Zone', wanted: 'Zone' });
    const call = (headers: object) =>
      modern('tools/call', { name: 'where', arguments: { region } }, { 'mcp-name': 'where', ...headers });
    const listed = async () => JSON.stringify(await modern('tools/list', {}));
    const known = /"x-mcp-header":"([^"]+)"/.exec(await listed())?.[1];
    expect(await call(known === undefined ? {} : { [`mcp-param-${known}`]: region })).toMatchObject({
      ...{ status: 400, error: { code: HEADER_MISMATCH } },
    });
    expect(await listed()).toContain('"x-mcp-header":"Zone"');
    expect(await during(() => call({ 'mcp-param-zone': region }))).toMatchObject({ text: 'done', calls: 1, lists: 0 });
  });
});
