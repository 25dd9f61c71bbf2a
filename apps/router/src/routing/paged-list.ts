import { createHash } from 'node:crypto';
import { AppError } from '@mcp-router/shared';

/** A list, or one page of it, as clients get it. */
export interface ListResult {
  /** The `result` object, JSON text. */
  text: string;
  /** The same on every replica that has the same list. */
  tag: string;
}

export interface ListedItem {
  /** Unique in the list and the same on every replica. */
  key: string;
  /** The definition, JSON text. */
  text: string;
}

export interface ListParts {
  /** Which list it is: a cursor of one is none of another. */
  name: string;
  /** Members of the result before the items, JSON text; empty or ending with a comma. */
  head: string;
  /** The member that holds the items. */
  member: string;
  items: readonly ListedItem[];
}

/** Longest text of one page, so that a page of large definitions stays one that clients take; one item always fits. */
const MAX_PAGE_LENGTH = 4 * 1024 * 1024;

/**
 * A list in pages. A cursor says after which item its page begins, not how many items went before: it is good at every
 * replica, and still good when the list has changed elsewhere meanwhile.
 */
export class PagedList {
  private readonly first: ListResult;
  private starts: Map<string, number> | undefined;

  constructor(
    private readonly parts: ListParts,
    private readonly pageSize: number,
  ) {
    this.first = this.cut(0);
  }

  /**
   * @param cursor `nextCursor` of the page before; `undefined` for the first page
   * @throws AppError `invalid_cursor` when no item of the list has given it out
   */
  page(cursor: string | undefined): ListResult {
    if (cursor === undefined) return this.first;
    const { items, name } = this.parts;
    this.starts ??= new Map(items.map(({ key }, i) => [cursorAfter(name, key), i + 1]));
    const start = this.starts.get(cursor);
    if (start === undefined) {
      throw new AppError('invalid_cursor', 'The cursor is not of this list, or what it stood for is gone', {
        hint: 'Begin again without a cursor',
      });
    }
    return this.cut(start);
  }

  private cut(start: number): ListResult {
    const { items, head, member, name } = this.parts;
    let end = start;
    let length = 0;
    while (end < items.length && end - start < this.pageSize) {
      length += items[end]?.text.length ?? 0;
      if (length > MAX_PAGE_LENGTH && end > start) break;
      end++;
    }
    const last = items[end - 1];
    const next = end < items.length && last ? `,"nextCursor":"${cursorAfter(name, last.key)}"` : '';
    const page = start === 0 && end === items.length ? items : items.slice(start, end);
    const text = `{${head}"${member}":[${page.map((item) => item.text).join(',')}]${next}}`;
    return { text, tag: digest(text) };
  }
}

function cursorAfter(list: string, key: string): string {
  return digest(`${list}\n${key}`);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}
