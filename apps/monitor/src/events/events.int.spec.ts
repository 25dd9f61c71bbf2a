import { openTestDatabase } from '@mcp-router/platform/testing';
import { eventsKept, listEvents, readEvents, type MonitorEvent, type RecordedEvent } from '@mcp-router/shared';
import type { DataSource } from 'typeorm';
import { v7 as uuid } from 'uuid';
import { MIGRATIONS } from '../migrations';
import { fromDiscovery } from './discovery-events';
import { EventsService } from './events.service';
import { EventsStore, type Kept } from './events.store';

const event = (fields: Partial<RecordedEvent> = {}): RecordedEvent => ({
  id: uuid(),
  at: '2026-11-22T12:00:00.000Z',
  type: 'server.added',
  ...fields,
});

describe('events', () => {
  let database: DataSource;
  let close: () => Promise<void>;
  let store: EventsStore;
  let service: EventsService;
  let told: Kept[];

  beforeEach(async () => {
    ({ database, close } = await openTestDatabase({ schema: 'monitor', entities: [], migrations: MIGRATIONS }));
    told = [];
    const bus = {
      broadcast: (what: unknown, payload: Kept) => {
        if (what === eventsKept) told.push(payload);
        return Promise.resolve();
      },
    };
    store = new EventsStore(database);
    service = new EventsService(bus as never, store, { EVENT_RETENTION_DAYS: 30 } as never, null as never);
  });
  afterEach(() => close());

  const list = (query: object = {}) => service.list(listEvents.input.parse(query));
  const after = (query: object) => service.after(readEvents.input.parse(query));

  it('come back as they were recorded, with topic and number', async () => {
    const full = event({ server: 's', subject: 'x', actor: 'ann', data: { added: ['a'] } });
    await service.keep([full]);
    expect((await list()).items).toEqual([{ ...full, topic: 'server', seq: 1 }]);
  });

  it('are kept once when they are delivered twice', async () => {
    const [a, b] = [event(), event()];
    await service.keep([a]);
    await service.keep([a, b]);
    expect((await list()).items.map(({ id }) => id)).toEqual([b.id, a.id]);
  });

  it('are told so that each telling continues the one before', async () => {
    await Promise.all(Array.from({ length: 20 }, () => service.keep([event(), event()])));
    const ordered = [...told].sort((a, b) => a.head - b.head);
    expect(ordered.map(({ previous }) => previous)).toEqual([0, ...ordered.slice(0, -1).map(({ head }) => head)]);
  });

  it('become readable in the order of their numbers, whoever writes at once', async () => {
    const seen: number[] = [];
    const reading = (async () => {
      for (let last = 0; last < 200;) {
        const { items, head } = await after({ after: last, limit: 7 });
        seen.push(...items.map(({ seq }) => seq));
        last = head;
      }
    })();
    await Promise.all(
      Array.from({ length: 4 }, async () => {
        for (let i = 0; i < 25; i++) await store.append([event(), event()]);
      }),
    );
    await reading;
    expect(seen).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
  });

  it('are told without themselves when they are large', async () => {
    await service.keep([event({ data: { text: 'x'.repeat(300_000) } })]);
    expect(told).toEqual([{ previous: 0, head: 1, items: [] }]);
  });

  it('can be filtered and paged through, newest first', async () => {
    const types = ['server.added', 'flag.changed', 'alert.firing'];
    await service.keep(Array.from({ length: 30 }, (_, i) => event({ type: types[i % 3] ?? '', server: `s${i % 2}` })));
    const seen: MonitorEvent[] = [];
    for (let cursor: string | null | undefined; cursor !== null;) {
      const page = await list({ limit: 4, topics: ['flag', 'alert'], server: 's0', ...(cursor ? { cursor } : {}) });
      seen.push(...page.items);
      cursor = page.nextCursor;
    }
    expect(seen).toHaveLength(10);
    expect(seen.every(({ topic, server }) => topic !== 'server' && server === 's0')).toBe(true);
    expect(seen.map(({ seq }) => seq)).toEqual(seen.map(({ seq }) => seq).sort((a, b) => b - a));
    await expect(list({ cursor: 'Zm9v' })).rejects.toMatchObject({ code: 'invalid_cursor' });
  });

  it('of discovery are events like all others', async () => {
    const id = uuid();
    const at = '2026-11-22T12:00:00.000Z';
    await service.keep([fromDiscovery({ id, at, type: 'healthChanged', server: 'git', from: 'healthy', to: 'lost' })]);
    expect((await list({ topics: ['server'] })).items).toEqual([
      {
        id,
        at,
        type: 'server.healthChanged',
        topic: 'server',
        seq: 1,
        server: 'git',
        data: { from: 'healthy', to: 'lost' },
      },
    ]);
  });
});
