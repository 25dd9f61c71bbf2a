import { readRpc } from '@mcp-router/shared';
import { envelopeOf, withEnvelope, withoutEnvelope } from './envelope';
import { handshakeOf, toDiscoverResult, toInitializeResult } from './handshake';
import { checkHeaderParams, headerFault, headersFor, scanHeaderParams } from './header-params';
import { errorCodeOf, toLegacy, toModern, toolForLegacy } from './results';

const request = (params: string) => readRpc(`{"jsonrpc":"2.0","id":1,"method":"tools/call"${params}}`);
const ENVELOPE = { capabilities: '{"roots":{}}', clientInfo: '{"name":"c","version":"1"}', logLevel: '"info"' };
const WRITTEN =
  '"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"roots":{}},' +
  '"io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"},"io.modelcontextprotocol/logLevel":"info"';

describe('the envelope of a modern request', () => {
  it.each([
    ['no parameters', '', `"params":{"_meta":{${WRITTEN}}}`],
    ['no _meta', ',"params":{"n":1.10}', `"params":{"_meta":{${WRITTEN}},"n":1.10}}`],
    ['an empty _meta', ',"params":{"_meta":{}}', `"params":{"_meta":{${WRITTEN}}}}`],
    ['a _meta of its own', ',"params":{"_meta":{"x":1}}', `"params":{"_meta":{${WRITTEN},"x":1}}}`],
  ])('is added to a request with %s, and taken away again', (_, params, expected) => {
    const message = withEnvelope(request(params), ENVELOPE);
    expect(message.text).toContain(expected);
    expect(envelopeOf(message)).toEqual(ENVELOPE);
    const bare = JSON.parse(withoutEnvelope(message).text) as { params: { _meta: object } };
    expect(Object.keys(bare.params._meta)).not.toContain('io.modelcontextprotocol/protocolVersion');
  });

  it('replaces one that a client of the old era sent', () => {
    const message = withEnvelope(
      request(',"params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"x"}}'),
      ENVELOPE,
    );
    expect(message.text.match(/protocolVersion/g)).toHaveLength(1);
  });

  it('leaves a message without one untouched', () => {
    const message = request(',"params":{"_meta":{"a" : 1}}');
    expect(withoutEnvelope(message)).toBe(message);
  });
});

describe('results', () => {
  const result = (body: string) => `{"jsonrpc":"2.0","id":1,"result":${body}}`;
  const error = (code: number) => `{"jsonrpc":"2.0","id":1,"error":{"code":${code},"message":"m","data":{"a":1}}}`;

  it.each([
    ['tools/call', result('{"content":[]}'), result('{"resultType":"complete","content":[]}')],
    ['tools/call', result('{}'), result('{"resultType":"complete"}')],
    ['tools/call', result('{"resultType":"task","x":1}'), result('{"resultType":"task","x":1}')],
    [
      'resources/read',
      result('{"contents":[]}'),
      result('{"resultType":"complete","ttlMs":0,"cacheScope":"private","contents":[]}'),
    ],
    ['resources/read', error(-32002), error(-32602)],
    ['tools/call', error(-32603), error(-32603)],
  ])('of %s become modern', (method, before, after) => {
    expect(toModern(before, method)).toBe(after);
  });

  it.each([
    ['tools/call', result('{"resultType":"complete","content":[],"n":1e400}'), result('{"content":[],"n":1e400}')],
    [
      'tools/call',
      result('{"structuredContent":[1, 2],"content":[]}'),
      result('{"structuredContent":{"result":[1, 2]},"content":[]}'),
    ],
    ['tools/call', result('{"structuredContent":{"a":1}}'), result('{"structuredContent":{"a":1}}')],
    ['resources/read', result('{"ttlMs":5,"contents":[],"cacheScope":"public"}'), result('{"contents":[]}')],
    ['resources/read', error(-32602), error(-32002)],
    ['prompts/get', error(-32602), error(-32602)],
  ])('of %s become legacy', (method, before, after) => {
    expect(toLegacy(before, method)).toBe(after);
  });

  it('know an error from a result that speaks of one', () => {
    expect(errorCodeOf(error(-32601))).toBe(-32601);
    expect(errorCodeOf(result('{"content":[{"text":"\\"error\\""}],"error":{"code":1}}'))).toBeUndefined();
  });
});

describe("a tool's output schema for a legacy client", () => {
  const tool = (schema: object) => JSON.stringify({ name: 't', inputSchema: {}, outputSchema: schema });
  const translated = (schema: object) =>
    (JSON.parse(toolForLegacy(tool(schema))) as { outputSchema: object }).outputSchema;

  it('stays when it describes an object', () => {
    expect(toolForLegacy(tool({ type: 'object', properties: {} }))).toBe(tool({ type: 'object', properties: {} }));
  });

  it.each([
    [{ properties: { a: {} } }],
    [{ $ref: '#/$defs/A', $defs: { A: { type: 'object' } } }],
    [{ anyOf: [{ type: 'object' }, { required: ['a'] }] }],
  ])('says that it is one: %j', (schema) => {
    expect(translated(schema)).toEqual({ type: 'object', ...schema });
  });

  it('is wrapped otherwise, and what it refers to is still found', () => {
    const $defs = { A: { type: 'number' } };
    expect(translated({ type: 'array', items: { $ref: '#/$defs/A' }, $defs })).toEqual({
      type: 'object',
      properties: { result: { type: 'array', items: { $ref: '#/$defs/A' } } },
      required: ['result'],
      $defs,
    });
  });
});

describe('what a server says of itself', () => {
  const legacy = {
    era: 'legacy' as const,
    protocolVersion: '2025-06-18',
    capabilities: { tools: {}, tasks: { list: {} }, extensions: { 'x/y': {} } },
    serverInfo: { name: 's', version: '1' },
    instructions: 'do',
    raw: '{"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1","icons":[]},"instructions":"do","vendor":1,"_meta":{"m":1}}',
  };

  it('is passed on in its own era with the version of the client', () => {
    expect(toInitializeResult(handshakeOf(legacy, 's'), '2025-11-25', 'legacy')).toEqual({
      protocolVersion: '2025-11-25',
      capabilities: { tools: { listChanged: true }, tasks: { list: {} }, extensions: { 'x/y': {} } },
      serverInfo: { name: 's', version: '1', icons: [] },
      instructions: 'do',
      vendor: 1,
      _meta: { m: 1 },
    });
  });

  it('becomes a discovery without the tasks of the old era', () => {
    expect(toDiscoverResult(handshakeOf(legacy, 's'), 'legacy')).toMatchObject({
      resultType: 'complete',
      supportedVersions: ['2026-07-28', '2025-11-25', '2025-06-18', '2025-03-26'],
      capabilities: { tools: { listChanged: true }, extensions: { 'x/y': {} } },
      _meta: { m: 1, 'io.modelcontextprotocol/serverInfo': { name: 's', version: '1', icons: [] } },
      vendor: 1,
    });
  });

  it('becomes an initialization without the tasks of the new era', () => {
    const modern = {
      ...legacy,
      era: 'modern' as const,
      capabilities: { tools: {}, extensions: { 'io.modelcontextprotocol/tasks': {}, 'x/y': {} } },
      raw: '{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{},"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"n"}}}',
    };
    expect(toInitializeResult(handshakeOf(modern, 's'), '2025-03-26', 'modern')).toEqual({
      protocolVersion: '2025-03-26',
      capabilities: { tools: { listChanged: true }, logging: {}, extensions: { 'x/y': {} } },
      serverInfo: { name: 'n' },
      instructions: 'do',
    });
  });
});

describe('arguments that travel as headers', () => {
  const tool = JSON.stringify({
    name: 't',
    inputSchema: {
      properties: {
        region: { type: 'string', 'x-mcp-header': 'Region' },
        deep: { properties: { n: { type: 'integer', 'x-mcp-header': 'N' } } },
        bad: { type: 'object', 'x-mcp-header': 'Bad' },
      },
    },
  });
  const declared = scanHeaderParams(tool);
  const message = request(',"params":{"arguments":{"region":"zürich","deep":{"n":42}}}');
  const start = message.params?.start ?? 0;

  it('are made from the arguments; headers nobody declared stay', () => {
    const headers = headersFor(declared, message.text, start, { 'mcp-param-other': 'x', 'mcp-param-n': 'old' });
    expect(headers).toEqual({
      'mcp-param-other': 'x',
      'mcp-param-region': '=?base64?esO8cmljaA==?=',
      'mcp-param-n': '42',
    });
  });

  it.each([
    [{ 'mcp-param-region': '=?base64?esO8cmljaA==?=', 'mcp-param-n': '42.0' }, true],
    [{ 'mcp-param-region': '=?base64?esO8cmljaA==?=' }, false],
    [{ 'mcp-param-region': 'zurich', 'mcp-param-n': '42' }, false],
    [{ 'mcp-param-region': '=?base64?esO8cmljaA?=', 'mcp-param-n': '42' }, false],
  ])('are checked: %j', (headers, isRight) => {
    const check = () => checkHeaderParams(declared, message.text, start, headers);
    if (isRight) expect(check).not.toThrow();
    else expect(check).toThrow(expect.objectContaining({ code: 'header_mismatch' }) as Error);
  });

  it.each([
    ['no name of a header', { properties: { a: { type: 'string', 'x-mcp-header': '' } } }],
    ['no name of a header', { properties: { a: { type: 'string', 'x-mcp-header': 'My Region' } } }],
    ['no name of a header', { properties: { a: { type: 'string', 'x-mcp-header': 7 } } }],
    ['is for strings', { properties: { a: { type: 'number', 'x-mcp-header': 'A' } } }],
    ['is for strings', { properties: { a: { properties: {}, 'x-mcp-header': 'A' } } }],
    [
      'twice',
      { properties: { a: { type: 'string', 'x-mcp-header': 'A' }, b: { type: 'string', 'x-mcp-header': 'a' } } },
    ],
    ['reached', { properties: { a: { type: 'array', items: { type: 'string', 'x-mcp-header': 'A' } } } }],
    ['reached', { $defs: { a: { properties: { b: { type: 'string', 'x-mcp-header': 'A' } } } } }],
    ['reached', { anyOf: [{ properties: { b: { type: 'string', 'x-mcp-header': 'A' } } }] }],
  ])('may break a rule (%s), and then the tool is not one to offer: %j', (rule, inputSchema) => {
    expect(headerFault(JSON.stringify({ name: 't', inputSchema }))).toContain(rule);
  });

  it('break none where they are simple arguments at any depth, or data', () => {
    const region = { type: 'string', 'x-mcp-header': 'Region', default: { 'x-mcp-header': '' } };
    const n = { type: 'integer', 'x-mcp-header': 'N' };
    const inputSchema = { properties: { region, deep: { properties: { n } } }, items: false, not: null };
    expect(headerFault(JSON.stringify({ name: 't', inputSchema }))).toBeUndefined();
    expect(headerFault('{"name":"t"}')).toBeUndefined();
  });

  it('are not looked for where there are none', () => {
    expect(scanHeaderParams('{"name":"t"}')).toEqual([]);
    expect(() => checkHeaderParams(declared, '{"arguments":{}}', 0, undefined)).not.toThrow();
  });
});
