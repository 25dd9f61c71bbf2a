import { openTestDatabase } from '@mcp-router/platform/testing';
import { listCalls, type CallRecord } from '@mcp-router/shared';
import type { DataSource } from 'typeorm';
import { v7 as uuid } from 'uuid';
import { MIGRATIONS } from '../migrations';
import { CallsService } from './calls.service';

const call = (fields: Partial<CallRecord> = {}): CallRecord => ({
  id: uuid(),
  at: '2026-11-22T12:00:00.000Z',
  requestId: 'r1',
  agentId: uuid(),
  agent: 'ann',
  endpoint: '/mcp',
  method: 'tools/call',
  outcome: 'ok',
  durationMs: 1.5,
  requestBytes: 100,
  responseBytes: 5_000_000_000,
  ...fields,
});

describe('the call log', () => {
  let database: DataSource;
  let close: () => Promise<void>;
  let calls: CallsService;

  beforeEach(async () => {
    ({ database, close } = await openTestDatabase({ schema: 'monitor', entities: [], migrations: MIGRATIONS }));
    calls = new CallsService(null as never, database, null as never, null as never);
  });
  afterEach(() => close());

  const list = (query: object = {}) => calls.list(listCalls.input.parse(query));

  it('gives back what was recorded, field by field', async () => {
    const full = call({
      traceId: 'a'.repeat(32),
      keyId: uuid(),
      server: 's',
      tool: 's__t',
      argumentsHash: 'ff',
      errorCode: 'x',
      upstreamMs: 1,
    });
    await calls.store([full]);
    expect(await list()).toEqual({ items: [full], nextCursor: null });
  });

  it('stores a call once that is delivered twice', async () => {
    const [a, b] = [call(), call()];
    await calls.store([a]);
    await calls.store([a, b]);
    expect((await list()).items).toHaveLength(2);
  });

  it('pages through everything once, newest first, also when times are equal', async () => {
    const all = Array.from({ length: 25 }, (_, i) =>
      call({ at: new Date(Date.UTC(2026, 10, 22, 12, 0, i % 3)).toISOString() }),
    );
    await calls.store(all);
    const seen: CallRecord[] = [];
    let cursor: string | null | undefined;
    do {
      const page = await list({ limit: 4, ...(cursor ? { cursor } : {}) });
      seen.push(...page.items);
      cursor = page.nextCursor;
    } while (cursor);
    expect(new Set(seen.map(({ id }) => id)).size).toBe(25);
    expect(seen.map(({ at }) => at)).toEqual(
      seen
        .map(({ at }) => at)
        .sort()
        .reverse(),
    );
  });

  it('filters by what a person asks for', async () => {
    await calls.store([
      call({ agent: 'bob', outcome: 'tool_error' }),
      call({ server: 'git', tool: 'git__log' }),
      call({ at: '2026-11-22T13:00:00.000Z' }),
    ]);
    expect((await list({ agent: 'bob' })).items).toHaveLength(1);
    expect((await list({ server: 'git', tool: 'git__log', outcome: 'ok' })).items).toHaveLength(1);
    expect((await list({ from: '2026-11-22T12:30:00Z' })).items).toHaveLength(1);
    expect((await list({ to: '2026-11-22T12:30:00+00:00' })).items).toHaveLength(2);
  });

  it('refuses a cursor of another list', async () => {
    await expect(list({ cursor: 'Zm9v' })).rejects.toMatchObject({ code: 'invalid_cursor' });
  });
});
