import { openTestDatabase } from '@mcp-router/platform/testing';
import { encodeCursor, listCalls, type CallRecord } from '@mcp-router/shared';
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
  decision: 'allowed',
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

  it('keeps calls of one batch apart, whatever they have in common', async () => {
    const at = (second: number) => new Date(Date.UTC(2026, 10, 22, 12, 0, second)).toISOString();
    const agentId = uuid();
    const batch = [
      call({ at: at(0), agentId, server: 'a', tool: 'a__t' }),
      call({ at: at(1), agentId, server: 'a', tool: 'a__t', errorCode: '' }),
      call({ at: at(2), agentId, server: 'a', tool: 'a__t' }),
      call({ at: at(3), agentId, server: 'b' }),
      call({ at: at(4), agentId, server: 'b', decision: 'held', outcome: 'denied' }),
      call({ at: at(5) }),
    ];
    await calls.store(batch);
    expect((await list()).items).toEqual([...batch].reverse());
  });

  it('gives a call with what it carried, where that was kept, and to a member only its own', async () => {
    const [kept, bare] = [call(), call()];
    const bodies = { id: kept.id, at: kept.at, request: '{"a":1}', response: '{"content":[]}' };
    // An id is made when its call is recorded.
    for (const one of [kept, bare, bodies]) one.at = new Date().toISOString();
    bodies.at = kept.at;
    await calls.store([kept, bare]);
    await calls.storeBodies([bodies]);
    await calls.storeBodies([bodies]);
    expect(await calls.get(kept.id)).toEqual({ ...kept, request: '{"a":1}', response: '{"content":[]}' });
    expect(await calls.get(bare.id, 'ann')).toEqual(bare);
    await expect(calls.get(bare.id, 'bob')).rejects.toMatchObject({ code: 'not_found' });
    await expect(calls.get('x')).rejects.toMatchObject({ code: 'not_found' });
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
      call({ agent: 'eve', outcome: 'denied', decision: 'denied', durationMs: 900, keyId: uuid() }),
      call({ server: 'git', tool: 'git__log' }),
      call({ at: '2026-11-22T13:00:00.000Z' }),
    ]);
    expect((await list({ agent: 'bob' })).items).toHaveLength(1);
    expect((await list({ server: 'git', tool: 'git__log', outcome: 'ok' })).items).toHaveLength(1);
    for (const query of [{ decision: 'denied' }, { minDurationMs: 500 }, { outcome: 'denied', endpoint: '/mcp' }])
      expect((await list(query)).items.map(({ agent }) => agent)).toEqual(['eve']);
    expect((await list({ from: '2026-11-22T12:30:00Z' })).items).toHaveLength(1);
    expect((await list({ to: '2026-11-22T12:30:00+00:00' })).items).toHaveLength(3);
  });

  it('refuses a cursor of another list', async () => {
    for (const key of [
      'foo',
      `2026-11-22T12:00:00.000Z|${'-'.repeat(36)}`,
      `2026-11-22T12:00:00.000Z|${'a'.repeat(36)}`,
    ])
      await expect(list({ cursor: encodeCursor(key) })).rejects.toMatchObject({ code: 'invalid_cursor' });
  });
});
