import { contract } from '@mcp-router/shared';
import { of, type Observable } from 'rxjs';
import { z } from 'zod';
import type { BusContext } from './context';
import { Handles, type Handler } from './handles';

const add = contract('test.add', {
  input: z.object({ a: z.int(), b: z.int().default(0), body: z.string() }),
  output: z.object({ sum: z.int(), body: z.string() }),
  raw: 'body',
});

class Handlers {
  @Handles(add)
  async once({ a, b, body }: { a: number; b: number; body: string }, { caller }: BusContext) {
    return { sum: a + b, body: body + caller };
  }

  @Handles(add)
  many({ a, body }: { a: number; body: string }): Observable<{ sum: number; body: string }> {
    return of({ sum: a, body });
  }

  // @ts-expect-error the contract's input has no `c`
  @Handles(add)
  async otherInput({ c }: { c: number }) {
    return { sum: c, body: '' };
  }

  // @ts-expect-error the contract's sum is a number
  @Handles(add)
  async otherOutput({ body }: { body: string }) {
    return { sum: body, body };
  }
}

it('lets only methods compile that fit the contract', () => {
  // The compiler has done the work: an expected error that is not there fails the type check.
  const { once }: { once: Handler<typeof add.input, typeof add.output> } = new Handlers();
  expect(once).toBeInstanceOf(Function);
});

it('lets only a field that input and output share travel raw', () => {
  const input = z.object({ a: z.string(), b: z.string() });
  contract('test.raw', { input, output: z.object({ a: z.string() }), raw: 'a' });
  // @ts-expect-error the output has no `b`
  contract('test.raw', { input, output: z.object({ a: z.string() }), raw: 'b' });
});
