import { eventually, startSystem, type System } from './system';

interface Listed {
  items: { seq: number; type: string; subject?: string; actor?: string; server?: string }[];
}

describe('events', () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ gateways: 2, discovery: 0, analyzer: 0 });
  });
  afterAll(() => system.stop());

  /** Follows the stream of a gateway; `seen` grows while it is open. */
  const follow = async (gateway: number, lastEventId?: string) => {
    const abort = new AbortController();
    const headers = { authorization: `Bearer ${system.key}`, ...(lastEventId && { 'last-event-id': lastEventId }) };
    const url = `${system.gateways[gateway]?.url}/api/v1/stream?topic=agent,key`;
    const response = await fetch(url, { headers, signal: abort.signal });
    const seen: { id: string; subject?: string }[] = [];
    const reading = (async () => {
      let text = '';
      for await (const chunk of response.body ?? []) {
        text += Buffer.from(chunk as Uint8Array).toString();
        const blocks = text.split('\n\n');
        text = blocks.pop() ?? '';
        for (const block of blocks) {
          const [, id = '', data = '{}'] = /^id: (.*)\nevent: .*\ndata: (.*)$/.exec(block) ?? [];
          if (id !== '') seen.push({ id, subject: (JSON.parse(data) as { subject?: string }).subject ?? '' });
        }
      }
    })().catch(() => undefined);
    return { status: response.status, seen, close: () => (abort.abort(), reading) };
  };
  const addAgents = async (prefix: string, n: number) => {
    for (let i = 0; i < n; i++) await system.api('POST', '/api/v1/agents', { name: `${prefix}-${i}` });
  };

  it('tell what administrators did, and who it was', async () => {
    await system.api('PUT', '/api/v1/flags/LEGACY_SSE', { enabled: true });
    const listed = () => system.api<Listed>('GET', '/api/v1/events?topic=flag');
    await eventually(async () => (await listed()).body.items.length === 1);
    expect((await listed()).body.items[0]).toMatchObject({
      type: 'flag.changed',
      subject: 'LEGACY_SSE',
      actor: 'admin',
    });
  });

  it('reach followers of every gateway, and whoever comes back gets what happened meanwhile, once and in order', async () => {
    const [first, other] = [await follow(0), await follow(1)];
    await addAgents('a', 3);
    await eventually(async () => first.seen.length >= 3 && other.seen.length >= 3);
    await first.close();
    await addAgents('b', 20);
    const again = await follow(1, first.seen.at(-1)?.id);
    await addAgents('c', 3);
    await eventually(async () => again.seen.length >= 23 && other.seen.length >= 26);
    // Two gateways told of them, each in its own time: what counts is that everybody sees the same order.
    const { items } = (await system.api<Listed>('GET', '/api/v1/events?topic=agent&limit=100')).body;
    const listed = items.map(({ subject }) => subject).reverse();
    const names = (prefix: string, n: number) => Array.from({ length: n }, (_, i) => `${prefix}-${i}`);
    expect([...listed].sort()).toEqual([...names('a', 3), ...names('b', 20), ...names('c', 3)].sort());
    expect(other.seen.map(({ subject }) => subject)).toEqual(listed);
    expect(again.seen.map(({ subject }) => subject)).toEqual(listed.slice(3));
    await Promise.all([again.close(), other.close()]);
  });

  it('say so to whoever comes with a number that there never was, and go on', async () => {
    const ahead = await follow(0, '999999999999');
    await eventually(async () => ahead.seen.length >= 1);
    const { items } = (await system.api<Listed>('GET', '/api/v1/events?limit=1')).body;
    expect(Number(ahead.seen[0]?.id)).toBeGreaterThan(0);
    expect(Number(ahead.seen[0]?.id)).toBeLessThanOrEqual(items[0]?.seq ?? 0);
    await addAgents('d', 1);
    await eventually(async () => ahead.seen.some(({ subject }) => subject === 'd-0'));
    await ahead.close();
    const refused = await system.api('GET', '/api/v1/stream', undefined, { 'last-event-id': 'latest' });
    expect(refused).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
    expect((await system.api<Listed>('GET', '/api/v1/events?topic=')).body.items.length).toBeGreaterThan(0);
  });
});
