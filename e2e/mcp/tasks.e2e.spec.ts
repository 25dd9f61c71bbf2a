import { dirname, join } from 'node:path';
import { eventually, startSystem, type System } from '../system';
import { gather, JSON_HEADERS, post, RawSession, readEvents, type JsonRpc } from './raw-client';

const everything = join(
  dirname(require.resolve('@modelcontextprotocol/server-everything/package.json')),
  'dist/index.js',
);
const fixture = (era: 'old' | 'new') => ({
  command: process.execPath,
  args: [join(__dirname, '../fixtures/tasks-upstream.mjs'), '--era', era],
});
const EXTENSION = 'io.modelcontextprotocol/tasks';

interface Task {
  taskId: string;
  status: string;
}

function modernRequest(method: string, params: Record<string, unknown>, extensions: object) {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': { extensions },
  };
  const name = params['name'] ?? params['taskId'];
  return {
    body: JSON.stringify({ jsonrpc: '2.0', id: 'm', method, params: { ...params, _meta } }),
    headers: {
      ...JSON_HEADERS,
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      ...(typeof name === 'string' && { 'mcp-name': name }),
    },
  };
}

describe('tasks', () => {
  let system: System;
  let anonymous: Record<string, string>;
  let admin: Record<string, string>;
  beforeAll(async () => {
    const config = {
      mcpServers: {
        everything: { command: process.execPath, args: [everything] },
        old: fixture('old'),
        older: fixture('old'),
        new: fixture('new'),
      },
    };
    system = await startSystem({ gateways: 2, discovery: 0, monitor: 0, analyzer: 0, config });
    await Promise.all(Object.keys(config.mcpServers).map((slug) => system.untilReady(slug)));
    [anonymous, admin] = [{}, { authorization: `Bearer ${system.key}` }];
  });
  afterAll(() => system.stop());

  const open = (path: string, headers = anonymous) =>
    RawSession.open(system.url + path, '2025-11-25', { tasks: {}, elicitation: {} }, headers);
  const modern = async (
    path: string,
    method: string,
    params: Record<string, unknown>,
    {
      extensions = { [EXTENSION]: {} },
      headers = anonymous,
    }: { extensions?: object; headers?: Record<string, string> } = {},
  ) => {
    const request = modernRequest(method, params, extensions);
    const { status, texts } = await post(system.url + path, request.body, { ...request.headers, ...headers });
    return { status, ...(JSON.parse(texts.at(-1) ?? '{}') as JsonRpc) };
  };
  const start = async (session: RawSession, name: string, args: object, _meta = {}) => {
    const { result } = await session.request('tools/call', { name, arguments: args, task: {}, _meta });
    return (result?.['task'] as Task).taskId;
  };

  describe('of the old era', () => {
    it.each([
      ['/mcp/everything', 'simulate-research-query'],
      ['/mcp', 'everything__simulate-research-query'],
    ])('pass through %s: made, asked for, fetched', async (path, name) => {
      const session = await open(path);
      const taskId = await start(session, name, { topic: 'routers', ambiguous: false });
      let status = '';
      await eventually(async () => {
        status = String((await session.request('tasks/get', { taskId })).result?.['status']);
        return status !== 'working';
      });
      expect(status).toBe('completed');
      const result = await session.request('tasks/result', { taskId });
      expect(JSON.stringify(result.result?.['content'])).toContain('routers');
    });

    it.each([
      ['/mcp/old', ['job', 'job', 'job']],
      ['/mcp', ['old__job', 'older__job', 'old__job']],
    ])('are listed page by page on %s, cancelled, and told of to their session', async (path, names) => {
      const abort = new AbortController();
      const session = await open(path);
      const events = gather(await session.listen(abort.signal));
      const made: string[] = [];
      for (const name of names) made.push(await start(session, name, { ms: 60_000 }));
      const listed: string[] = [];
      let cursor: unknown;
      do {
        const { result } = await session.request('tasks/list', cursor === undefined ? {} : { cursor });
        listed.push(...(result?.['tasks'] as Task[]).map(({ taskId }) => taskId));
        cursor = result?.['nextCursor'];
      } while (cursor !== undefined);
      expect(listed).toEqual(expect.arrayContaining(made));
      expect(new Set(listed).size).toBe(listed.length);
      expect((await session.request('tasks/list', { cursor: 'garbage' })).error?.code).toBe(-32602);
      for (const taskId of made) {
        expect((await session.request('tasks/cancel', { taskId })).result).toMatchObject({ status: 'cancelled' });
      }
      const told = () => events.filter(({ method }) => method === 'notifications/tasks/status');
      await eventually(() => told().length >= made.length);
      expect(told().map(({ params }) => params?.['taskId'])).toEqual(expect.arrayContaining(made));
      abort.abort();
    });

    it("are nobody else's, though their server is shared", async () => {
      const abort = new AbortController();
      const mine = await open('/mcp', admin);
      for (const path of ['/mcp', '/mcp/old']) {
        const theirs = await open(path);
        const heard = gather(await theirs.listen(abort.signal));
        const taskId = await start(mine, 'old__job', { ms: 60_000 });
        for (const method of ['tasks/get', 'tasks/result', 'tasks/cancel']) {
          expect((await theirs.request(method, { taskId })).error?.code).toBe(-32602);
        }
        expect(JSON.stringify((await theirs.request('tasks/list')).result)).not.toContain(taskId);
        expect((await mine.request('tasks/cancel', { taskId })).result).toMatchObject({ status: 'cancelled' });
        // What is sent now comes after anything that was told of the task.
        const own = await start(theirs, path === '/mcp' ? 'old__job' : 'job', { ms: 1 });
        await eventually(() => JSON.stringify(heard).includes(own));
        expect(JSON.stringify(heard)).not.toContain(taskId);
      }
      abort.abort();
    });

    describe('that are another agent’s business too', () => {
      const LONG = 600_000;
      let abort: AbortController;
      let mine: RawSession;
      let other: RawSession;
      let events: JsonRpc[];
      let foreign: JsonRpc[];
      beforeEach(async () => {
        abort = new AbortController();
        [mine, other] = [await open('/mcp', admin), await open('/mcp/old')];
        [events, foreign] = [gather(await mine.listen(abort.signal)), gather(await other.listen(abort.signal))];
      });
      afterEach(() => abort.abort());

      const progressIn = (messages: JsonRpc[]) =>
        messages
          .filter(({ method }) => method === 'notifications/progress')
          .map(({ params }) => [params?.['progressToken'], params?.['progress']]);
      const questionIn = (messages: JsonRpc[]) => messages.find(({ method }) => method === 'elicitation/create');
      const accept = (id: unknown) =>
        mine.post(JSON.stringify({ jsonrpc: '2.0', id, result: { action: 'accept', content: {} } }));
      /** The messages of an answer, as they come. */
      const stream = (url: string, headers: Record<string, string>, body: string): JsonRpc[] => {
        const heard: JsonRpc[] = [];
        const read = async () => {
          const request = { method: 'POST', headers: { ...JSON_HEADERS, ...headers }, body, signal: abort.signal };
          for await (const { data } of readEvents(await fetch(url, request)))
            if (data !== '') heard.push(JSON.parse(data) as JsonRpc);
        };
        read().catch(() => undefined);
        return heard;
      };
      /** Has the progress of a job reported until somebody hears of it. */
      const reportUntil = async (mark: string, isHeard: () => boolean) => {
        let progress = 0;
        await eventually(async () => {
          await other.call('report', { mark, progress: ++progress });
          return isHeard();
        });
      };

      it('report their progress to the session that made them, until they have ended', async () => {
        const first = await start(mine, 'old__job', { mark: 'first', ms: LONG }, { progressToken: 'one' });
        await start(mine, 'old__job', { mark: 'second', ms: LONG }, { progressToken: 2 });
        await other.call('report', { mark: 'first', progress: 1 });
        await other.call('report', { mark: 'second', progress: 1 });
        await other.call('report', { mark: 'first', progress: 2 });
        await eventually(() => progressIn(events).length === 3);
        await mine.request('tasks/cancel', { taskId: first });
        await other.call('report', { mark: 'first', progress: 3 });
        await other.call('report', { mark: 'second', progress: 2 });
        await eventually(() => progressIn(events).length === 4);
        expect(progressIn(events)).toEqual([
          ['one', 1],
          [2, 1],
          ['one', 2],
          [2, 2],
        ]);
        expect(progressIn(foreign)).toEqual([]);
      });

      it('ask the session that made them, whoever else has a call in flight', async () => {
        const taskId = await start(mine, 'old__job', { mark: 'asking', ms: LONG });
        const asking = other.post(
          JSON.stringify({
            ...{ jsonrpc: '2.0', id: 'a', method: 'tools/call' },
            params: { name: 'ask', arguments: { mark: 'asking' } },
          }),
        );
        await eventually(() => questionIn(events) !== undefined);
        const question = questionIn(events);
        expect(question?.params).toMatchObject({ _meta: { 'io.modelcontextprotocol/related-task': { taskId } } });
        await accept(question?.id);
        expect((await mine.request('tasks/result', { taskId })).result).toMatchObject({
          content: [{ type: 'text', text: 'accept' }],
        });
        expect((await asking).texts).toHaveLength(1);
        expect(questionIn(foreign)).toBeUndefined();
      });

      it('take a question back from the session that was asked', async () => {
        await start(mine, 'old__job', { mark: 'unasking', ms: LONG });
        const asking = other.call('ask', { mark: 'unasking' });
        await eventually(() => questionIn(events) !== undefined);
        await other.call('unask', { mark: 'unasking' });
        const isTakenBack = ({ method, params }: JsonRpc) =>
          method === 'notifications/cancelled' && params?.['requestId'] === questionIn(events)?.id;
        await eventually(() => events.some(isTakenBack));
        await asking;
      });

      it('ask nobody when that session has ended', async () => {
        await start(mine, 'old__job', { mark: 'left', ms: LONG });
        await fetch(mine.url, { method: 'DELETE', headers: mine.headers });
        expect(JSON.stringify(await other.call('ask', { mark: 'left' }))).toContain('not there any more');
      });

      it('report and ask along with the answer to whoever waits for their result', async () => {
        const taskId = await start(mine, 'old__job', { mark: 'awaited', ms: LONG }, { progressToken: 'p' });
        const request = { jsonrpc: '2.0', id: 'w', method: 'tasks/result', params: { taskId } };
        const answer = stream(mine.url, mine.headers, JSON.stringify(request));
        await reportUntil('awaited', () => progressIn(answer).length > 0);
        const asking = other.call('ask', { mark: 'awaited' });
        await eventually(() => questionIn(answer) !== undefined);
        await accept(questionIn(answer)?.id);
        await asking;
        await eventually(() => answer.some(({ result }) => JSON.stringify(result ?? '').includes('accept')));
        expect(questionIn(events)).toBeUndefined();
      });

      it('report to and ask a new client, which knows nothing of the task', async () => {
        const modernCall = (params: object) => {
          const _meta = {
            'io.modelcontextprotocol/protocolVersion': '2026-07-28',
            'io.modelcontextprotocol/clientCapabilities': { elicitation: {} },
            progressToken: 'new',
          };
          const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'job' };
          const call = { name: 'job', arguments: { mark: 'unseen', ms: LONG }, ...params, _meta };
          const body = JSON.stringify({ jsonrpc: '2.0', id: 'm', method: 'tools/call', params: call });
          return { body, headers: { ...headers, authorization: `Bearer ${system.key}` } };
        };
        const first = modernCall({});
        const answer = stream(`${system.url}/mcp/old`, first.headers, first.body);
        await reportUntil('unseen', () => progressIn(answer).some(([token]) => token === 'new'));
        const asking = other.call('ask', { mark: 'unseen' });
        await eventually(() => answer.at(-1)?.result?.['resultType'] === 'input_required');
        const { inputRequests, requestState } = answer.at(-1)?.result as {
          inputRequests: object;
          requestState: string;
        };
        const [key = ''] = Object.keys(inputRequests);
        const again = modernCall({ requestState, inputResponses: { [key]: { action: 'accept', content: {} } } });
        const { texts } = await post(`${system.url}/mcp/old`, again.body, again.headers);
        expect(texts.at(-1)).toContain('accept');
        await asking;
      });
    });

    it('that no server knows are refused, also without an id', async () => {
      const session = await open('/mcp');
      expect((await session.request('tasks/get', { taskId: 'guessed' })).error?.code).toBe(-32602);
      expect((await session.request('tasks/get')).error?.code).toBe(-32602);
    });

    it('are made, waited for and cancelled for a new client, which does not know them', async () => {
      const call = (path: string, name: string, args: object) =>
        modern(path, 'tools/call', { name, arguments: args }, { extensions: {} });
      for (const [path, name] of [
        ['/mcp/old', 'job'],
        ['/mcp', 'old__job'],
      ] as const) {
        const { result } = await call(path, name, { mark: 'made it' });
        expect(result).toMatchObject({ resultType: 'complete', content: [{ type: 'text', text: 'made it' }] });
      }
      const jobs = async (state: 'cancelled' | 'working') =>
        Number(((await call('/mcp/old', state, {})).result?.['content'] as { text: string }[])[0]?.text);
      const [cancelled, working] = [await jobs('cancelled'), await jobs('working')];
      const abort = new AbortController();
      const request = modernRequest('tools/call', { name: 'job', arguments: { ms: 60_000 } }, {});
      const left = fetch(`${system.url}/mcp/old`, { method: 'POST', ...request, signal: abort.signal });
      left.catch(() => undefined);
      await eventually(async () => (await jobs('working')) === working + 1);
      abort.abort();
      await eventually(async () => (await jobs('cancelled')) === cancelled + 1);
      expect((await modern('/mcp/old', 'tasks/get', { taskId: 'x' })).error?.code).toBe(-32602);
      // A server without tasks says so itself to a client of its own era.
      expect((await (await open('/mcp/old')).call('job')).error?.code).toBe(-32601);
    });
  });

  describe('of the extension', () => {
    it.each([
      ['/mcp/new', 'job'],
      ['/mcp', 'new__job'],
    ])('pass through %s: made by the server, asked for, updated, cancelled, listened for', async (path, name) => {
      const made = await modern(path, 'tools/call', { name, arguments: { mark: 'ok', ms: 1_000 } });
      expect(made.result).toMatchObject({ resultType: 'task', status: 'working' });
      const { taskId } = made.result as unknown as Task;
      const abort = new AbortController();
      const listen = { notifications: { taskIds: [taskId, 'nobody-made-it'] } };
      const request = modernRequest('subscriptions/listen', listen, { [EXTENSION]: {} });
      const events = gather(await fetch(system.url + path, { method: 'POST', ...request, signal: abort.signal }));
      await eventually(() => events.length > 0);
      expect(events[0]).toMatchObject({
        method: 'notifications/subscriptions/acknowledged',
        params: { notifications: { taskIds: [taskId] } },
      });
      await eventually(() => events.some(({ method }) => method === 'notifications/tasks'));
      const result = { content: [{ type: 'text', text: 'ok' }] };
      expect(events[1]?.params).toMatchObject({
        ...{ taskId, status: 'completed', result },
        _meta: { 'io.modelcontextprotocol/subscriptionId': 'm' },
      });
      abort.abort();
      expect((await modern(path, 'tasks/get', { taskId })).result).toMatchObject({ status: 'completed', result });
      for (const method of ['tasks/update', 'tasks/cancel']) {
        expect((await modern(path, method, { taskId, inputResponses: {} })).result).toEqual({ resultType: 'complete' });
      }
    });

    it.each(['/mcp/new', '/mcp'])('need a client on %s that declares it', async (path) => {
      const name = path === '/mcp' ? 'new__job' : 'job';
      const required = { requiredCapabilities: { extensions: { [EXTENSION]: {} } } };
      const poor = { extensions: {} };
      for (const [method, params] of [
        ['tools/call', { name, arguments: {} }],
        ['tasks/get', { taskId: 'x' }],
        ['subscriptions/listen', { notifications: { taskIds: ['x'] } }],
      ] as const) {
        const { status, error } = await modern(path, method, params, poor);
        expect({ method, status, error }).toMatchObject({
          method,
          status: 400,
          error: { code: -32021, data: required },
        });
      }
      expect(await modern(path, 'tasks/list', {})).toMatchObject({ status: 404, error: { code: -32601 } });
    });

    it("are nobody else's", async () => {
      const made = await modern('/mcp/new', 'tools/call', { name: 'job', arguments: {} }, { headers: admin });
      const { taskId } = made.result as unknown as Task;
      for (const path of ['/mcp', '/mcp/new']) {
        expect((await modern(path, 'tasks/get', { taskId })).error?.code).toBe(-32602);
        expect((await modern(path, 'tasks/get', { taskId }, { headers: admin })).result).toMatchObject({ taskId });
      }
    });

    it('are not offered to old clients, for whom the server has to answer at once', async () => {
      const session = await open('/mcp/new');
      expect((await session.call('job')).error?.code).toBe(-32021);
      expect((await session.request('tasks/get', { taskId: 'x' })).error?.code).toBe(-32602);
    });
  });
});
