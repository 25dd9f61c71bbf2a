import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stdioUpstream } from '../conformance/upstream';
import { eventually, startSystem, type System } from '../system';
import { mirrorUpstream } from './mirror';
import { post, RawSession, readEvents, type JsonRpc, type ServerSentEvent } from './raw-client';

const ENVELOPE = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': { elicitation: {}, sampling: {} },
};

describe('two gateways and two routers behind a plain round-robin', () => {
  let system: System;
  let folder: string;
  let marks: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mcp-replicas-'));
    marks = join(folder, 'marks');
    await writeFile(marks, '');
    const config = { mcpServers: { mirror: mirrorUpstream({ MIRROR_LOG: marks }), old: stdioUpstream('old') } };
    system = await startSystem({ gateways: 2, routers: 2, discovery: 0, monitor: 0, analyzer: 0, config });
    await system.untilReady('mirror');
    await system.untilReady('old');
  });
  afterAll(async () => {
    await system.stop();
    await rm(folder, { recursive: true, force: true });
  });
  afterEach(async () => {
    for (const service of [...system.gateways, ...system.routers]) if (!service.isRunning) await service.start();
    await system.untilReady('mirror');
    await system.untilReady('old');
  });

  const url = (path = '/mcp/mirror') => system.url + path;
  const ownerOf = ({ id }: RawSession) => id.slice(0, id.indexOf('.'));

  it('a session works through either gateway, whichever router owns it', async () => {
    const sessions = await Promise.all(Array.from({ length: 8 }, () => RawSession.open(url())));
    expect(new Set(sessions.map(({ id }) => id.split('.')[0])).size).toBe(2);
    for (const session of sessions) {
      for (let i = 0; i < 4; i++) expect((await session.call('slow', { ms: 1, mark: `s${i}` })).result).toBeDefined();
    }
  });

  it('answers an elicitation that went out through one gateway through the other', async () => {
    const session = await RawSession.open(url('/mcp/old'), '2025-06-18', { elicitation: {} });
    const response = await fetch(url('/mcp/old'), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...session.headers,
      },
      body: '{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"test_elicitation","arguments":{"message":"who?"}}}',
    });
    const seen: JsonRpc[] = [];
    for await (const { data } of readEvents(response)) {
      const message = JSON.parse(data) as JsonRpc;
      seen.push(message);
      if (message.method !== 'elicitation/create') continue;
      const result = { action: 'accept', content: { username: 'ada', email: 'ada@example.org' } };
      // Of two answers one goes through each gateway; the second finds the question answered.
      for (let i = 0; i < 2; i++) await session.post(JSON.stringify({ jsonrpc: '2.0', id: message.id, result }));
    }
    expect(seen.map(({ method }) => method)).toEqual(['elicitation/create', undefined]);
    expect(JSON.stringify(seen[1]?.result)).toContain('ada');
  });

  it('carries on a parked call of a modern client from either gateway', async () => {
    const params = { name: 'test_elicitation', arguments: { message: 'who?' }, _meta: ENVELOPE };
    const headers = {
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': 'test_elicitation',
    };
    const ask = async (extra: object) => {
      const body = JSON.stringify({ jsonrpc: '2.0', id: 5, method: 'tools/call', params: { ...params, ...extra } });
      return JSON.parse((await post(url('/mcp/old'), body, headers)).texts.at(-1) ?? '') as JsonRpc;
    };
    for (let i = 0; i < 3; i++) {
      const first = await ask({});
      expect(first.result?.['resultType']).toBe('input_required');
      const [key = ''] = Object.keys(first.result?.['inputRequests'] as object);
      const answers = { [key]: { action: 'accept', content: { username: 'ada', email: 'ada@example.org' } } };
      const retry = { requestState: first.result?.['requestState'], inputResponses: answers };
      const forged = await ask({ ...retry, requestState: `${String(retry.requestState).slice(0, -2)}xx` });
      expect(forged.error?.code).toBe(-32602);
      const second = await ask(retry);
      expect(second.result).toMatchObject({ resultType: 'complete' });
      expect(JSON.stringify(second.result)).toContain('ada');
    }
  });

  it('cancels a call through the other gateway', async () => {
    const session = await RawSession.open(url());
    const startedAt = Date.now();
    const call = session.post(
      '{"jsonrpc":"2.0","id":77,"method":"tools/call","params":{"name":"slow","arguments":{"ms":60000,"mark":"cancelled"}}}',
    );
    await eventually(async () => (await readFile(marks, 'utf8')).includes('cancelled'));
    await session.notify('notifications/cancelled', { requestId: 77 });
    expect((await call).texts).toEqual([]);
    // Far from the minute that the call would have taken.
    expect(Date.now() - startedAt).toBeLessThan(30_000);
  });

  it('tells every session of a changed list once per burst', async () => {
    const abort = new AbortController();
    const session = await RawSession.open(url('/mcp'));
    const events = collect(await session.listen(abort.signal));
    // Each router has a process of the server: only the one that is called has a new list.
    let other = await RawSession.open(url());
    while (ownerOf(other) !== ownerOf(session)) other = await RawSession.open(url());
    await Promise.all(Array.from({ length: 12 }, () => other.call('list-change')));
    const changes = () => events.filter(({ data }) => data.includes('notifications/tools/list_changed'));
    await eventually(() => changes().length > 0);
    await new Promise((resolve) => setTimeout(resolve, 300));
    // One or two where calls are quick: far from one for each of the twelve anywhere.
    expect(changes().length).toBeLessThanOrEqual(6);
    abort.abort();
  });

  it('resumes the stream of a call after its gateway was killed', async () => {
    // Straight to one gateway, so that it is known which one carries the stream.
    const [first, second] = system.gateways;
    const session = await RawSession.open(`${first?.url}/mcp/mirror`);
    const response = await fetch(session.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...session.headers,
      },
      body: '{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"slow","arguments":{"ms":5000,"mark":"resumed"}}}',
    });
    if (response.headers.get('content-type') !== 'text/event-stream') throw new Error(await response.text());
    let last: ServerSentEvent | undefined;
    try {
      for await (const event of readEvents(response)) {
        last = event;
        await first?.kill();
      }
    } catch {
      // The stream broke, as it was meant to.
    }
    expect(last?.id).toBeDefined();
    const resumed = await fetch(`${second?.url}/mcp/mirror`, {
      headers: { accept: 'text/event-stream', ...session.headers, 'last-event-id': last?.id ?? '' },
    });
    expect(resumed.status).toBe(200);
    const messages: JsonRpc[] = [];
    for await (const { data } of readEvents(resumed)) if (data !== '') messages.push(JSON.parse(data) as JsonRpc);
    expect(messages).toEqual([{ jsonrpc: '2.0', id: 5, result: { content: [{ type: 'text', text: 'resumed' }] } }]);
  });

  it.each(['routers', 'gateways'] as const)(
    'ends what was in flight and runs nothing twice when one of the %s is killed under load',
    async (kind) => {
      await writeFile(marks, '');
      const sessions = await Promise.all(Array.from({ length: 8 }, () => RawSession.open(url())));
      let sent = 0;
      let killedAt = Infinity;
      const killing = new Promise((resolve) => setTimeout(resolve, 1_000)).then(async () => {
        await system[kind][0]?.kill();
        killedAt = Date.now();
      });
      const run = async (session: RawSession) => {
        const seen = { owner: ownerOf(session), answered: 0, answeredAfter: 0, failed: 0, gone: 0, slowest: 0 };
        // For two seconds after the kill, and until it has seen an answer since: on a slow machine that takes longer.
        while (Date.now() < killedAt + 2_000 || (seen.answeredAfter === 0 && Date.now() < killedAt + 60_000)) {
          const mark = `${kind}-${++sent}`;
          const startedAt = Date.now();
          try {
            const answer = await session.post(
              `{"jsonrpc":"2.0","id":"${mark}","method":"tools/call","params":{"name":"slow","arguments":{"ms":20,"mark":"${mark}"}}}`,
            );
            if (answer.status === 200 && answer.texts.join('').includes(`"text":"${mark}"`)) {
              seen.answered++;
              if (startedAt > killedAt) seen.answeredAfter++;
            } else seen.failed++;
            if (answer.status === 404) {
              seen.gone++;
              session = await RawSession.open(url());
            }
          } catch {
            seen.failed++;
          }
          seen.slowest = Math.max(seen.slowest, Date.now() - startedAt);
        }
        return seen;
      };
      const [, ...runs] = await Promise.all([killing, ...sessions.flatMap((session) => [run(session), run(session)])]);
      const done = (await readFile(marks, 'utf8')).trim().split('\n');
      expect(new Set(done).size).toBe(done.length);
      expect(Math.max(...runs.map(({ slowest }) => slowest))).toBeLessThan(20_000);
      const total = (of: 'answered' | 'failed' | 'gone') => runs.reduce((sum, seen) => sum + seen[of], 0);
      expect(total('failed')).toBeLessThan(total('answered'));
      if (kind === 'routers') {
        expect(total('gone')).toBeGreaterThan(0);
        // What the other router owns goes on without a single failure.
        expect(new Set(runs.filter(({ failed }) => failed > 0).map(({ owner }) => owner)).size).toBe(1);
      }
      const untouched = runs.filter(({ failed }) => kind === 'gateways' || failed === 0);
      expect(untouched.length).toBeGreaterThan(0);
      for (const { answeredAfter } of untouched) expect(answeredAfter).toBeGreaterThan(0);
    },
  );
});

/** Gathers the events of a stream as they come. */
function collect(response: Response): ServerSentEvent[] {
  const events: ServerSentEvent[] = [];
  void (async () => {
    for await (const event of readEvents(response)) events.push(event);
  })().catch(() => undefined);
  return events;
}
