import fc from 'fast-check';
import { startSystem, type System } from '../system';
import { mirrorUpstream } from './mirror';
import { post, RawSession } from './raw-client';

/** JSON text that a parser would not print again as it was: numbers past any double, escapes, spaces, key order. */
const odd = fc.constantFrom(
  '12345678901234567890123456789',
  '1.000000000000000000000000001',
  '-0',
  '1E400',
  '1e-7',
  '"\\u0041\\ud83d\\ude00\\/"',
  '"\u2028\u2029\u0000"'.replace('\u0000', '\\u0000'),
  '{ "b" : 1 ,"a":[ ] }',
  '[1 , 2,\t3]',
  '"😀 \\ud800 lone"',
  'null',
);
const json = fc.oneof(fc.json({ maxDepth: 5 }), odd);
const key = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('x-vendor', '_meta2', 'é"\\', '__proto__'));
const object = fc
  .uniqueArray(fc.tuple(key, json), { maxLength: 6, selector: ([name]) => name })
  .map((members) => `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`);
/** Vendor fields of `_meta`; a progress token is the router's to replace. */
const meta = fc.tuple(json, object).map(([a, b]) => `{"vendor.example/a":${a},"deep":${b}}`);

describe('a message on its way through', () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ discovery: 0, monitor: 0, analyzer: 0 });
    await system.addServer({ slug: 'mirror', ...mirrorUpstream() });
  });
  afterAll(() => system.stop());

  it.each([
    ['/mcp/mirror', 'mirror'],
    ['/mcp', 'mirror__mirror'],
  ])('is the same letter by letter on %s: parameters, notifications and results', async (path, name) => {
    const session = await RawSession.open(system.url + path);
    let id = 1;
    await fc.assert(
      fc.asyncProperty(object, meta, object, async (args, _meta, vendor) => {
        const rest = `"arguments":${args},"_meta":${_meta},"vendor":${vendor}`;
        const { texts } = await session.post(
          `{"jsonrpc":"2.0","id":${++id},"method":"tools/call","params":{"name":"${name}",${rest}}}`,
        );
        const seen = `{"name":"mirror",${rest}}`;
        expect(texts).toEqual([
          `{"jsonrpc":"2.0","method":"notifications/message","params":${seen}}`,
          `{"jsonrpc":"2.0","id":${id},"result":${seen}}`,
        ]);
      }),
      { numRuns: 150 },
    );
  });

  it('keeps ids of every kind', async () => {
    const session = await RawSession.open(`${system.url}/mcp/mirror`);
    for (const id of ['9007199254740993', '"a\\u0062"', '-5', '"😀"', '0']) {
      const { texts } = await session.post(
        `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"count"}}`,
      );
      expect(texts.at(-1)).toMatch(`"id":${id},`);
    }
  });

  it('reaches a modern client with nothing added but what its era asks for', async () => {
    const envelope =
      '"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}';
    const { texts } = await post(
      `${system.url}/mcp/mirror`,
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"mirror","x":1.000000000000000000001,"_meta":{"v":1,${envelope}}}}`,
      { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'mirror' },
    );
    expect(texts).toEqual([
      '{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","name":"mirror","x":1.000000000000000000001,"_meta":{"v":1}}}',
    ]);
  });
});
