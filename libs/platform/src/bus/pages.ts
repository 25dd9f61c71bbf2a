import type { Contract, Page } from '@mcp-router/shared';
import type { z } from 'zod';
import type { Bus } from './bus';

/** Items of one page. */
type ItemsOf<O extends z.ZodType<Page<unknown>>> = z.output<O>['items'];

/**
 * Reads a list to its end, page by page, and gives the items of each; only one page is in memory at a time.
 *
 * @param query of the list, with the `limit` of a page @throws AppError as `Bus.call`
 */
export async function* readPages<I extends z.ZodType, O extends z.ZodType<Page<unknown>>>(
  bus: Bus,
  list: Contract<I, O>,
  query: Omit<z.input<I>, 'cursor'>,
): AsyncGenerator<ItemsOf<O>> {
  for (let cursor: string | null | undefined; cursor !== null;) {
    const input = { ...query, ...(cursor === undefined ? {} : { cursor }) } as z.input<I>;
    const page: z.output<O> = await bus.call(list, input);
    yield page.items;
    cursor = page.nextCursor;
  }
}
