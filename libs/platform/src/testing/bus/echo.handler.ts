import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Inject } from '@nestjs/common';
import { AppError } from '@mcp-router/shared';
import { Redis } from 'ioredis';
import { interval, map, range, take, type Observable } from 'rxjs';
import type { z } from 'zod';
import { Bus } from '../../bus/bus';
import { currentContext, type BusContext } from '../../bus/context';
import { Handles } from '../../bus/handles';
import { count, echo, exchange, relay } from './contracts';

type Input<C extends { input: z.ZodType }> = z.output<C['input']>;

/** Answers the contracts of the bus tests; what it did is counted in Redis, where it outlives a killed process. */
@Controller()
export class EchoHandler {
  constructor(
    @Inject(Bus) private readonly bus: Bus,
    @Inject(Redis) private readonly redis: Redis,
  ) {}

  @Handles(echo)
  async echo({ text, delayMs, mark, fail }: Input<typeof echo>, { signal }: BusContext) {
    if (mark) await this.mark(mark);
    if (mark) signal.addEventListener('abort', () => void this.mark(`${mark}:aborted`));
    if (fail === 'app')
      throw new AppError('tool_not_found', 'no such tool', { hint: 'look again', data: { tool: text } });
    if (fail === 'unknown') throw new Error('a secret detail');
    if (delayMs) await sleep(delayMs, undefined, { signal });
    return { text, by: this.bus.instanceId };
  }

  @Handles(count)
  count({ to, everyMs, mark, endless }: Input<typeof count>, context: BusContext): Observable<{ n: number }> {
    if (endless) context.markEndless?.();
    if (mark) context.signal.addEventListener('abort', () => void this.mark(`${mark}:aborted`));
    const numbers = everyMs === undefined ? range(0, to) : interval(everyMs).pipe(take(to));
    return numbers.pipe(
      map((n) => {
        if (mark) void this.mark(mark);
        return { n };
      }),
    );
  }

  @Handles(exchange)
  exchange({ kind, copies = 1, body }: Input<typeof exchange>): Observable<{ kind: string; body?: string }> {
    return range(0, copies).pipe(map(() => (body === undefined ? { kind } : { kind, body })));
  }

  @Handles(relay)
  async relay({ depth, delayMs, mark, to }: Input<typeof relay>, context: BusContext) {
    const seen = currentContext();
    if (depth === 0) {
      if (delayMs)
        await this.bus.call(
          echo,
          { text: 'deep', delayMs, mark },
          { instance: to, context: { traceparent: '00-a-b-01' } },
        );
      return { requestIds: [context.requestId], callers: [context.caller], agent: seen?.principal?.agent };
    }
    const below = await this.bus.call(relay, { depth: depth - 1, delayMs, mark, to });
    return {
      ...below,
      requestIds: [context.requestId, ...below.requestIds],
      callers: [context.caller, ...below.callers],
    };
  }

  private async mark(name: string): Promise<void> {
    await this.redis.hincrby('marks', name, 1);
  }
}
