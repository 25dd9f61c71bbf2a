import type { AppError } from '@mcp-router/shared';
import { PagedList } from './paged-list';

const listOf = (names: string[], pageSize: number, name = 'tools ') =>
  new PagedList(
    { name, head: '"ttlMs":0,', member: 'tools', items: names.map((key) => ({ key, text: JSON.stringify({ key }) })) },
    pageSize,
  );

interface Page {
  tools: { key: string }[];
  nextCursor?: string;
}
const read = (list: PagedList, cursor?: string) => JSON.parse(list.page(cursor).text) as Page;
const keysOf = ({ tools }: Page) => tools.map(({ key }) => key);

function all(list: PagedList): string[][] {
  const pages: string[][] = [];
  let cursor: string | undefined;
  do {
    const page = read(list, cursor);
    pages.push(keysOf(page));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return pages;
}

const names = Array.from({ length: 7 }, (_, i) => `s t${i}`);

describe('a list in pages', () => {
  it('is one page without a cursor when it fits', () => {
    expect(listOf(names, 7).page(undefined).text).toBe(
      `{"ttlMs":0,"tools":[${names.map((key) => `{"key":"${key}"}`).join(',')}]}`,
    );
    expect(read(listOf([], 7))).toEqual({ ttlMs: 0, tools: [] });
  });

  it('gives every item once and in order', () => {
    expect(all(listOf(names, 3))).toEqual([names.slice(0, 3), names.slice(3, 6), names.slice(6)]);
    expect(all(listOf(names.slice(0, 6), 3))).toEqual([names.slice(0, 3), names.slice(3, 6)]);
  });

  it('has the same cursors on every replica', () => {
    expect(read(listOf(names, 3)).nextCursor).toBe(read(listOf([...names], 3)).nextCursor);
    expect(listOf(names, 3).page(undefined).tag).not.toBe(listOf(names, 4).page(undefined).tag);
  });

  it('goes on after the same item when the list has changed elsewhere', () => {
    const { nextCursor } = read(listOf(names, 3));
    const later = listOf(['a new', ...names, 'z new'], 3);
    expect(keysOf(read(later, nextCursor))).toEqual(names.slice(3, 6));
  });

  it.each([
    ['of an item that is gone', read(listOf(names, 3)).nextCursor, names.slice(3)],
    ['of another list', read(listOf(names, 3, 'prompts ')).nextCursor, names],
    ['that nobody gave out', 'garbage', names],
    ['that is empty', '', names],
  ])('refuses a cursor %s', (_, cursor, now) => {
    expect(() => listOf(now, 3).page(cursor)).toThrow(expect.objectContaining({ code: 'invalid_cursor' }) as AppError);
  });

  it('is cut before a page grows past 4 MiB, and never before its first item', () => {
    const large = ['a', 'b', 'c'].map((key) => ({
      key,
      text: JSON.stringify({ key, x: 'x'.repeat(3 * 1024 * 1024) }),
    }));
    const list = new PagedList({ name: 'tools ', head: '', member: 'tools', items: large }, 100);
    expect(all(list)).toEqual([['a'], ['b'], ['c']]);
  });
});
