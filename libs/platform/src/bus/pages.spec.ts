import { contract, encodeCursor, pageOf, PageQuery } from '@mcp-router/shared';
import { z } from 'zod';
import type { Bus } from './bus';
import { readPages } from './pages';

const listNumbers = contract('test.listNumbers', {
  input: PageQuery.extend({ above: z.number() }),
  output: pageOf(z.number()),
});

it('asks for one page after the other, each with the whole query, until there is none', async () => {
  const asked: unknown[] = [];
  const answers = [
    { items: [1, 2], nextCursor: encodeCursor('2') },
    { items: [3], nextCursor: null },
  ];
  const bus = { call: (_: unknown, input: unknown) => Promise.resolve(answers[asked.push(input) - 1]) } as Bus;
  const pages: number[][] = [];
  for await (const page of readPages(bus, listNumbers, { above: 0, limit: 2 })) pages.push(page);
  expect(pages).toEqual([[1, 2], [3]]);
  expect(asked).toEqual([
    { above: 0, limit: 2 },
    { above: 0, limit: 2, cursor: encodeCursor('2') },
  ]);
});
