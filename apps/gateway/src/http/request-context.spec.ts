import { EventEmitter } from 'node:events';
import type { ExecutionContext } from '@nestjs/common';
import { currentContext } from '@mcp-router/platform';
import { defer, firstValueFrom, of } from 'rxjs';
import { RequestContext } from './request-context';

describe('the trace that a REST request is part of', () => {
  const traceOf = (traceparent: string | undefined): Promise<string | undefined> => {
    const response = { raw: new EventEmitter() };
    const http = { getRequest: () => ({ id: 'r', headers: { traceparent } }), getResponse: () => response };
    const execution = { switchToHttp: () => http } as unknown as ExecutionContext;
    const handle = () => defer(() => of(currentContext()?.traceparent));
    return firstValueFrom(new RequestContext().intercept(execution, { handle })) as Promise<string | undefined>;
  };
  const [trace, span] = ['c'.repeat(32), 'd'.repeat(16)];

  it('is the one its client names', async () =>
    expect(await traceOf(`00-${trace}-${span}-01`)).toBe(`00-${trace}-${span}-01`));

  it.each([
    ['no header', undefined],
    ['no trace', 'x'],
    ['a trace of zeros', `00-${'0'.repeat(32)}-${span}-01`],
    ['a span of zeros', `00-${trace}-${'0'.repeat(16)}-01`],
    ['a version that there is not', `ff-${trace}-${span}-01`],
  ])('begins with the request where its client sends %s', async (_, header) =>
    expect(await traceOf(header)).toBeUndefined(),
  );
});
