import { ListCache } from './list-cache';
import { isCardRequest, ownerOf, routeOf } from './routes';

describe('paths and tokens', () => {
  it.each([
    ['/mcp', { endpoint: undefined, session: undefined }],
    ['/mcp/', { endpoint: undefined, session: undefined }],
    ['/mcp/git-hub2', { endpoint: 'git-hub2', session: undefined }],
    ['/mcp?sessionId=router-1.a', { endpoint: undefined, session: 'router-1.a' }],
    ['/mcp/x/y', undefined],
    ['/mcp/Upper', undefined],
    ['/mcp/-a', undefined],
    ['/mcpx', undefined],
  ])('%s', (url, route) => {
    expect(routeOf(url)).toEqual(route);
  });

  it.each([
    ['router-9b1914ddb405.abc', 'router-9b1914ddb405'],
    ['router-1.2.3', 'router-1'],
    ['gateway-1.abc', undefined],
    ['router-.abc', undefined],
    ['nothing', undefined],
    ['', undefined],
    ['../x.y', undefined],
  ])('finds the owner of %s', (token, owner) => {
    expect(ownerOf(token)).toBe(owner);
  });

  it.each([
    ['GET', '/mcp/server-card', true],
    ['HEAD', '/mcp/git-hub2/server-card?x=1', true],
    ['POST', '/mcp/server-card', false],
    ['DELETE', '/mcp/a/server-card', false],
    ['GET', '/mcp/server-cards', false],
    ['GET', '/mcp/a/b/server-card', false],
    ['GET', '/mcp', false],
  ])('%s %s is for a card: %s', (method, url, is) => {
    expect(isCardRequest(method, url)).toBe(is);
  });
});

describe('the lists that are kept', () => {
  const list = (tag: string, bytes: number) => ({ tag, result: Buffer.alloc(bytes) });

  it('forgets what was used least lately when there is no room', () => {
    const lists = new ListCache(100);
    lists.set('a', list('1', 40));
    lists.set('b', list('2', 40));
    lists.get('a');
    lists.set('c', list('3', 40));
    expect([lists.get('a')?.tag, lists.get('b')?.tag, lists.get('c')?.tag]).toEqual(['1', undefined, '3']);
  });

  it('replaces a list and keeps none that is too large', () => {
    const lists = new ListCache(100);
    lists.set('a', list('1', 90));
    lists.set('a', list('2', 90));
    lists.set('b', list('3', 101));
    expect([lists.get('a')?.tag, lists.get('b')]).toEqual(['2', undefined]);
  });
});
