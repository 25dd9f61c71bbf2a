import type { CallHandler, ExecutionContext } from '@nestjs/common';
import { openTestDatabase } from '@mcp-router/platform/testing';
import { AppError } from '@mcp-router/shared';
import { pino } from 'pino';
import { defer, firstValueFrom } from 'rxjs';
import type { DataSource } from 'typeorm';
import { MIGRATIONS } from '../migrations';
import { IdempotencyInterceptor } from './idempotent';
import { IdempotentRequests } from './idempotent-requests';

let database: DataSource;
let close: () => Promise<void>;
let interceptor: IdempotencyInterceptor;

beforeAll(async () => {
  ({ database, close } = await openTestDatabase({ schema: 'gateway', entities: [], migrations: MIGRATIONS }));
  interceptor = new IdempotencyInterceptor(new IdempotentRequests(database, pino({ level: 'silent' })));
});
afterAll(() => close());

/** One POST; `work` is what the route does. @returns its body and the headers that were set */
async function post(work: () => Promise<unknown>, { key = 'k', agentId = 'a', body = {}, url = '/x' } = {}) {
  const headers: Record<string, string> = { location: `/made/${agentId}` };
  const request = { method: 'POST', url, body, headers: { 'idempotency-key': key }, principal: { agentId } };
  const reply = {
    headers: (more: Record<string, string>) => Object.assign(headers, more),
    getHeader: (name: string) => headers[name],
  };
  const http = { getRequest: () => request, getResponse: () => reply };
  const execution = { switchToHttp: () => http } as unknown as ExecutionContext;
  const next: CallHandler = { handle: () => defer(work) };
  return { body: await firstValueFrom(interceptor.intercept(execution, next)), headers };
}

it('does a request once, and gives the first answer to those that come with its key again', async () => {
  let done = 0;
  const work = async () => ({ made: ++done });
  const first = await post(work, { key: 'once' });
  const again = await post(work, { key: 'once' });
  expect([first.body, again.body, done]).toEqual([{ made: 1 }, { made: 1 }, 1]);
  expect(again.headers).toMatchObject({ location: '/made/a', 'idempotent-replayed': 'true' });
  // The keys of another agent are its own.
  expect((await post(work, { key: 'once', agentId: 'b' })).body).toEqual({ made: 2 });
});

it('refuses a key that was used for another request', async () => {
  await post(async () => 1, { key: 'other', body: { a: 1 } });
  for (const different of [{ body: { a: 2 } }, { body: { a: 1 }, url: '/y' }])
    await expect(post(async () => 2, { key: 'other', ...different })).rejects.toMatchObject({ code: 'conflict' });
});

it('runs one of many that come at once; the others hear that it is being worked on', async () => {
  let done = 0;
  const slow = async () => {
    done++;
    await new Promise((resolve) => setTimeout(resolve, 100));
    return done;
  };
  const all = await Promise.allSettled(Array.from({ length: 8 }, () => post(slow, { key: 'race' })));
  expect(done).toBe(1);
  expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  for (const one of all) if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'conflict' });
});

it('keeps no failure: the request may be sent again', async () => {
  const failing = async () => {
    throw new AppError('upstream_unavailable', 'down');
  };
  await expect(post(failing, { key: 'fails' })).rejects.toMatchObject({ code: 'upstream_unavailable' });
  expect((await post(async () => 'up', { key: 'fails' })).body).toBe('up');
});

it('takes a key again whose gateway died over it, and after a day', async () => {
  const forever = () => new Promise<unknown>(() => undefined);
  void post(forever, { key: 'lost' });
  while ((await database.query<unknown[]>(`SELECT FROM gateway.idempotent_request WHERE key = 'lost'`)).length === 0);
  await expect(post(async () => 1, { key: 'lost' })).rejects.toMatchObject({ code: 'conflict' });
  await database.query(`UPDATE gateway.idempotent_request SET at = now() - interval '3 minutes' WHERE key = 'lost'`);
  expect((await post(async () => 2, { key: 'lost' })).body).toBe(2);
  await database.query(`UPDATE gateway.idempotent_request SET at = now() - interval '25 hours' WHERE key = 'lost'`);
  expect((await post(async () => 3, { key: 'lost' })).body).toBe(3);
});

it('refuses a key that is none', async () => {
  await expect(post(async () => 1, { key: 'a b' })).rejects.toMatchObject({ code: 'invalid_request' });
});
