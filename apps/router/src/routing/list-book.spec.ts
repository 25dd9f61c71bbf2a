import { SYSTEM_PRINCIPAL, type Principal } from '@mcp-router/shared';
import { Catalogue, type ListFacts } from '../catalogue/catalogue';
import { readItems, withPublicNames } from '../catalogue/catalogue-item';
import type { Directory } from './directory';
import type { Quarantine } from '../quarantine/quarantine';
import { ListBook } from './list-book';
import type { Visibility } from './visibility';

const directory = { upstream: () => ({ info: { era: 'modern' } }) } as unknown as Directory;
const visibility = {
  isVisible: ({ publicName }: { publicName: string }, { agent }: Principal) =>
    agent !== 'careful' || publicName !== 'a__x',
} as unknown as Visibility;
const careful = { ...SYSTEM_PRINCIPAL, agent: 'careful', role: 'member' } as Principal;

function bookOf(servers: Record<string, Partial<ListFacts>>, pageSize = 100) {
  const catalogue = new Catalogue();
  for (const [slug, facts] of Object.entries(servers)) {
    const page = JSON.stringify({ tools: [{ name: 'x' }, { name: 'y' }] });
    catalogue.set(slug, { tools: withPublicNames(readItems(slug, 'tools', page)) });
    catalogue.describe(slug, 'tools', { ttlMs: undefined, cacheScope: undefined, rest: '', ...facts });
  }
  return {
    catalogue,
    book: new ListBook(
      catalogue,
      { view: () => undefined, revision: 0 },
      directory,
      visibility,
      { isHeld: () => false } as unknown as Quarantine,
      pageSize,
    ),
  };
}

type Book = ReturnType<typeof bookOf>['book'];
const modern = (book: Book, endpoint?: string, principal = SYSTEM_PRINCIPAL) =>
  JSON.parse(book.list('tools', endpoint, 'modern', principal).text) as Record<string, unknown>;

describe('what goes with a list', () => {
  it('is on the endpoint of one server what the server said', () => {
    const { book } = bookOf({ a: { ttlMs: 60_000, cacheScope: 'public', rest: '"_meta":{"v":1.0},"x-more":true' } });
    expect(book.list('tools', 'a', 'modern', SYSTEM_PRINCIPAL).text).toBe(
      '{"resultType":"complete","ttlMs":60000,"cacheScope":"public","_meta":{"v":1.0},"x-more":true,"tools":[{"name":"x"},{"name":"y"}]}',
    );
    expect(book.list('tools', 'a', 'legacy', SYSTEM_PRINCIPAL).text).toBe(
      '{"_meta":{"v":1.0},"x-more":true,"tools":[{"name":"x"},{"name":"y"}]}',
    );
  });

  it('is on the aggregate the shortest time and the closest circle, and our own name', () => {
    const rest = '"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"theirs"}}';
    const all = {
      a: { ttlMs: 60_000, cacheScope: 'public', rest },
      b: { ttlMs: 5_000, cacheScope: 'public' },
    } as const;
    const meta = { 'io.modelcontextprotocol/serverInfo': expect.objectContaining({ name: 'mcp-router' }) as object };
    expect(modern(bookOf(all).book)).toMatchObject({ ttlMs: 5_000, cacheScope: 'public', _meta: meta });
    expect(modern(bookOf({ ...all, c: {} }).book)).toMatchObject({ ttlMs: 0, cacheScope: 'private' });
    expect(modern(bookOf({}).book)).toMatchObject({ ttlMs: 0, cacheScope: 'private', tools: [] });
  });

  it('is private when a policy has shortened the list', () => {
    const { book } = bookOf({ a: { ttlMs: 1, cacheScope: 'public' } });
    expect(modern(book, 'a', careful)).toMatchObject({ cacheScope: 'private', tools: [{ name: 'y' }] });
    expect(modern(book, 'a')).toMatchObject({ cacheScope: 'public' });
  });

  it('follows what the server says later, though no item is another', () => {
    const { book, catalogue } = bookOf({ a: { ttlMs: 1 } });
    expect(modern(book, 'a')['ttlMs']).toBe(1);
    catalogue.describe('a', 'tools', { ttlMs: 2, cacheScope: undefined, rest: '' });
    expect(modern(book, 'a')['ttlMs']).toBe(2);
  });
});

it('merges the pages of all servers under cursors of its own', () => {
  const { book } = bookOf({ a: {}, b: {}, c: {} }, 4);
  const first = modern(book) as { tools: { name: string }[]; nextCursor: string };
  const text = book.list('tools', undefined, 'modern', SYSTEM_PRINCIPAL, first.nextCursor).text;
  const second = JSON.parse(text) as typeof first;
  const names = [...first.tools, ...second.tools].map(({ name }) => name);
  expect(names).toEqual(['a__x', 'a__y', 'b__x', 'b__y', 'c__x', 'c__y']);
  expect(second.nextCursor).toBeUndefined();
  expect(() => book.list('tools', 'a', 'modern', SYSTEM_PRINCIPAL, first.nextCursor)).toThrow('cursor');
});
