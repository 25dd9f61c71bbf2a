import { eventually, startSystem, type System } from '../system';

interface Run {
  id: string;
  state: string;
  version: string;
  output: unknown;
}
interface Page<T> {
  items: T[];
  nextCursor?: string;
}

describe('workflows over REST', () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ discovery: 0, monitor: 0, analyzer: 0 });
    await publish('steps', '1.0.0', [{ first: { set: { n: 1 } } }, { second: { set: { n: '${ .n + 1 }' } } }]);
    await publish('asks', '1.0.0', [
      { ask: { call: 'approve', with: { message: 'Go on?', timeout: 'P1D' } } },
      { done: { set: { version: 1 } } },
    ]);
  });
  afterAll(() => system.stop());

  const workflow = (name: string) => `/api/v1/workflows/rest/${name}`;
  const definition = (name: string, version: string, tasks: unknown[]) => ({
    document: { dsl: '1.0.3', namespace: 'rest', name, version },
    do: tasks,
  });
  async function publish(name: string, version: string, tasks: unknown[]): Promise<void> {
    const saved = await system.api('POST', '/api/v1/workflows', { definition: definition(name, version, tasks) });
    expect(saved).toMatchObject({ status: 201 });
    expect(await system.api('POST', `${workflow(name)}/versions/${version}/publish`)).toMatchObject({ status: 200 });
  }
  const start = async (name: string, query = '') =>
    (await system.api<Run>('POST', `${workflow(name)}/runs${query}`, { input: {} })).body;
  const until = async (id: string, state: string) => {
    let run: Run | undefined;
    await eventually(
      async () => (run = (await system.api<Run>('GET', `/api/v1/runs/${id}`)).body).state === state,
      60_000,
      () => JSON.stringify(run),
    );
    return run as Run;
  };
  const approve = async (run: string) => {
    const { body } = await system.api<Page<{ id: string; run: string }>>('GET', '/api/v1/approvals?limit=100');
    const approval = body.items.find((item) => item.run === run);
    await system.api('POST', `/api/v1/approvals/${approval?.id ?? ''}`, { approve: true });
  };

  it('never change what is published, and a run stays with the version it began with', async () => {
    const { id } = await start('asks');
    await until(id, 'waiting');
    const changed = definition('asks', '1.0.0', [{ done: { set: { version: 'other' } } }]);
    expect(await system.api('POST', '/api/v1/workflows', { definition: changed })).toMatchObject({ status: 409 });
    await publish('asks', '2.0.0', [{ done: { set: { version: 2 } } }]);
    expect(await start('asks', '?wait=30s')).toMatchObject({ version: '2.0.0', output: { version: 2 } });
    await approve(id);
    expect(await until(id, 'completed')).toMatchObject({ version: '1.0.0', output: { version: 1 } });
    const { body } = await system.api<Page<{ version: string; status: string }>>('GET', `${workflow('asks')}/versions`);
    expect(body.items.map(({ version, status }) => `${version} ${status}`).sort()).toEqual([
      '1.0.0 published',
      '2.0.0 published',
    ]);
    expect(await system.api('DELETE', `${workflow('asks')}/versions/1.0.0`)).toMatchObject({ status: 404 });
  });

  it('are drafts until they are published: those change, cannot be run, and go away', async () => {
    for (const n of [1, 2])
      expect(
        await system.api('POST', '/api/v1/workflows', {
          definition: definition('draft', '1.0.0', [{ a: { set: { n } } }]),
        }),
      ).toMatchObject({ status: 201, body: { status: 'draft' } });
    const draft = await system.api('GET', `${workflow('draft')}?version=1.0.0`);
    expect(draft.body).toMatchObject({ definition: { do: [{ a: { set: { n: 2 } } }] } });
    expect(await system.api('POST', `${workflow('draft')}/runs`, { version: '1.0.0' })).toMatchObject({ status: 409 });
    expect(await system.api('DELETE', `${workflow('draft')}/versions/1.0.0`)).toMatchObject({ status: 204 });
    expect(await system.api('GET', `${workflow('draft')}?version=1.0.0`)).toMatchObject({ status: 404 });
  });

  it.each([
    ['yaml', 'application/yaml', 'name: steps'],
    ['json', 'application/json', '"name": "steps"'],
    ['mermaid', 'text/vnd.mermaid', 'flowchart'],
  ])('are exported as %s', async (format, type, text) => {
    const response = await fetch(`${system.url}${workflow('steps')}/export?format=${format}`, {
      headers: { authorization: `Bearer ${system.key}` },
    });
    expect(response.headers.get('content-type')).toContain(type);
    const exported = await response.text();
    expect(exported).toContain(text);
    if (format === 'mermaid') return;
    const { body } = await system.api('POST', '/api/v1/workflows/validate', { definition: exported });
    expect(body).toMatchObject({ valid: true });
  });

  it('have runs that are listed newest first, page by page, by name and state', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) ids.unshift((await start('steps', '?wait=30s')).id);
    const listed: string[] = [];
    for (let cursor = ''; ;) {
      const query = `namespace=rest&name=steps&state=completed&limit=2${cursor && `&cursor=${cursor}`}`;
      const { body } = await system.api<Page<Run>>('GET', `/api/v1/runs?${query}`);
      expect(body.items.length).toBeLessThanOrEqual(2);
      listed.push(...body.items.map(({ id }) => id));
      if (!body.nextCursor) break;
      cursor = encodeURIComponent(body.nextCursor);
    }
    expect(listed).toEqual(ids);
    const faulted = await system.api<Page<Run>>('GET', '/api/v1/runs?name=steps&state=faulted');
    expect(faulted.body.items).toEqual([]);
    expect(await system.api('GET', '/api/v1/runs?state=lost')).toMatchObject({ status: 400 });
  });

  it('tell each task with what went in and came out, and the history from wherever one left off', async () => {
    const { id } = await start('steps', '?wait=500ms');
    await until(id, 'completed');
    const { body } = await system.api('GET', `/api/v1/runs/${id}`);
    expect(body).toMatchObject({
      tasks: [
        { pointer: '/do/0/first', kind: 'set', state: 'completed', attempt: 1, output: { n: 1 } },
        { pointer: '/do/1/second', kind: 'set', state: 'completed', input: { n: 1 }, output: { n: 2 } },
      ],
    });
    const stream = async (headers: Record<string, string> = {}) => {
      const response = await fetch(`${system.url}/api/v1/runs/${id}/events`, {
        headers: { authorization: `Bearer ${system.key}`, ...headers },
      });
      return [...(await response.text()).matchAll(/^event: (.*)\nid: (\d+)$/gm)].map(
        ([, type, seq]) => `${seq} ${type}`,
      );
    };
    const all = await stream();
    expect(all.at(0)).toBe('1 run.started');
    expect(all.at(-1)).toBe(`${all.length} run.completed`);
    expect(await stream({ 'last-event-id': '2' })).toEqual(all.slice(2));
  });

  it('say how long to wait in seconds or milliseconds, and nothing else', async () => {
    const waiting = await start('asks');
    expect(waiting.version).toBe('2.0.0');
    for (const wait of ['5', '5s', '100ms'])
      expect(await start('steps', `?wait=${wait}`)).toMatchObject({ id: expect.any(String) as string });
    for (const wait of ['soon', '-1s', '1h'])
      expect(await system.api('POST', `${workflow('steps')}/runs?wait=${wait}`, {})).toMatchObject({ status: 400 });
  });
});
