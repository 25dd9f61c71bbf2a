import type { AppError } from '@mcp-router/shared';
import type { Exchange, Upstream } from '../upstreams/upstream';
import { readList } from './list-reader';

/** A server that answers each list request with what `page` says for its cursor. */
function serverWith(page: (cursor: string | undefined) => object, era = 'legacy') {
  const asked: (string | undefined)[] = [];
  const upstream = {
    slug: 's',
    ready: () => Promise.resolve({ era, capabilities: { tools: {} } }),
    exchange: ({ message }: Exchange) => {
      const { params } = JSON.parse(message.text) as { params: { cursor?: string } };
      asked.push(params.cursor);
      return Promise.resolve(JSON.stringify({ jsonrpc: '2.0', id: 1, result: page(params.cursor) }));
    },
  } as unknown as Upstream;
  return { upstream, asked };
}

describe('reading a list', () => {
  it('reads every page of a server that gives few at a time', async () => {
    const pages: Record<string, object> = {
      '': { tools: [{ name: 'a' }], nextCursor: 'x', ttlMs: 9, cacheScope: 'public', _meta: { v: 1 } },
      x: { tools: [{ name: 'b' }], nextCursor: 'y', ttlMs: 5, cacheScope: 'private', _meta: { v: 2 } },
      y: { tools: [{ name: 'c' }, { name: 'a' }], ttlMs: 7, cacheScope: 'public' },
    };
    const { upstream, asked } = serverWith((cursor = '') => pages[cursor] ?? {});
    const { items, facts } = await readList(upstream, 'tools');
    expect(items.map(({ publicName }) => publicName)).toEqual(['s__a', 's__b', 's__c']);
    expect(asked).toEqual([undefined, 'x', 'y']);
    expect(facts).toEqual({ ttlMs: 5, cacheScope: 'private', rest: '"_meta":{"v":1}' });
  });

  it('ends when a server gives a cursor that it gave before', async () => {
    const { upstream, asked } = serverWith((cursor) => ({ tools: [{ name: cursor ?? 'a' }], nextCursor: 'again' }));
    expect((await readList(upstream, 'tools')).items).toHaveLength(2);
    expect(asked).toEqual([undefined, 'again']);
  });

  it('leaves out tools of a modern server whose arguments cannot travel as the headers they ask for', async () => {
    const asking = (header: string) => ({ properties: { a: { type: 'string', 'x-mcp-header': header } } });
    const tools = [
      { name: 'good', inputSchema: asking('A') },
      { name: 'bad', inputSchema: asking('not a name') },
    ];
    const { items, refused } = await readList(serverWith(() => ({ tools }), 'modern').upstream, 'tools');
    expect(items.map(({ name }) => name)).toEqual(['good']);
    expect(refused).toEqual([expect.stringContaining('bad: a: x-mcp-header')]);
    // An old server means nothing by it.
    expect((await readList(serverWith(() => ({ tools })).upstream, 'tools')).items).toHaveLength(2);
  });

  it.each([
    ['no items', () => []],
    ['ever more items', (i: number) => Array.from({ length: 100 }, (_, n) => ({ name: `t${i}-${n}` }))],
  ])('gives up a server whose cursors never end, with %s', async (_, tools) => {
    let i = 0;
    const { upstream, asked } = serverWith(() => ({ tools: tools(i), nextCursor: `c${i++}` }));
    await expect(readList(upstream, 'tools')).rejects.toEqual(
      expect.objectContaining({ code: 'limit_exceeded' }) as AppError,
    );
    expect(asked.length).toBeLessThanOrEqual(1_000);
  });
});
