import { z } from 'zod';
import { AppError } from './errors';

/** Query of every list: at most `limit` items after `cursor`. */
export const PageQuery = z.object({
  cursor: z.string().max(1024).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});
export type PageQuery = z.infer<typeof PageQuery>;

/** Answer of every list; `nextCursor` is null on the last page. */
export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() });

export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

export const Empty = z.object({});

/** Cursors are opaque to callers: what stands inside is the last item's sort key. */
export function encodeCursor(key: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(key)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '');
}

/** Keys of lists that are ordered by id. */
export const UUID_KEY = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const INVALID_CURSOR = 'The cursor is not one of this list';
const CURSOR_HINT = { hint: 'Start without a cursor' };

/**
 * The sort key in a cursor.
 *
 * @param isKey what keys of this list look like
 * @throws AppError `invalid_cursor`
 */
export function decodeCursor(cursor: string, isKey: RegExp | ((key: string) => boolean) = () => true): string {
  const key = decoded(cursor);
  if (isKey instanceof RegExp ? isKey.test(key) : isKey(key)) return key;
  throw new AppError('invalid_cursor', INVALID_CURSOR, CURSOR_HINT);
}

/**
 * Where a page begins in a list that is ordered by a text: the sort key in its cursor, '' (before every key) without one.
 *
 * @throws AppError `invalid_cursor`
 */
export function startAfter(cursor: string | undefined, isKey?: RegExp | ((key: string) => boolean)): string {
  return cursor === undefined ? '' : decodeCursor(cursor, isKey);
}

function decoded(cursor: string): string {
  try {
    const bytes = atob(cursor.replaceAll('-', '+').replaceAll('_', '/'));
    return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(bytes, (char) => char.charCodeAt(0)));
  } catch (cause) {
    throw new AppError('invalid_cursor', INVALID_CURSOR, { cause, ...CURSOR_HINT });
  }
}

/** A page from `limit + 1` fetched items: the surplus one tells that there is more. */
export function toPage<T>(items: T[], limit: number, keyOf: (item: T) => string): Page<T> {
  const page = items.slice(0, limit);
  const last = page.at(-1);
  return { items: page, nextCursor: items.length > limit && last !== undefined ? encodeCursor(keyOf(last)) : null };
}
