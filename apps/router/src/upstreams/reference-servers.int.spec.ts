import { readList } from '../catalogue/list-reader';
import { ask, stdio, upstreamBench } from '../testing/upstream-bench';

const SERVERS = {
  everything: ['@modelcontextprotocol/server-everything/dist/index.js', 'stdio'],
  filesystem: ['@modelcontextprotocol/server-filesystem/dist/index.js', __dirname],
  memory: ['@modelcontextprotocol/server-memory/dist/index.js'],
  sequential: ['@modelcontextprotocol/server-sequential-thinking/dist/index.js'],
};

describe('the reference servers over stdio', () => {
  const bench = upstreamBench();
  afterAll(() => bench.close());

  it.each([
    ['everything', 17],
    ['filesystem', 14],
    ['memory', 9],
    ['sequential', 1],
  ] as const)('lists the tools of %s', async (name, count) => {
    const [script, ...args] = SERVERS[name] as [string, ...string[]];
    const upstream = bench.open(stdio(require.resolve(script), args));
    const { items } = await readList(upstream, 'tools');
    expect(items).toHaveLength(count);
    expect(upstream.info?.era).toBe('legacy');
  });

  it('calls a tool and gives the answer the id of the caller', async () => {
    const [script, ...args] = SERVERS.everything as [string, string];
    const upstream = bench.open(stdio(require.resolve(script), args));
    const answer = await ask(upstream, 'tools/call', { name: 'echo', arguments: { message: 'hello' } });
    expect(answer).toMatchObject({
      id: expect.stringMatching(/^t\d+$/) as string,
      result: { content: [{ text: 'Echo: hello' }] },
    });
  });
});
