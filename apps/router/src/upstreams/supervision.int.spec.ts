import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError, parseRpc, SYSTEM_PRINCIPAL, type RpcText } from '@mcp-router/shared';
import { fastest, until } from '@mcp-router/platform/testing';
import { Catalogue } from '../catalogue/catalogue';
import { readList } from '../catalogue/list-reader';
import { newMark, ODD_SERVER } from '../testing/processes';
import { ask, stdio, upstreamBench } from '../testing/upstream-bench';
import type { ServerHandle, Upstream } from './upstream';

const someone = (agentId: string) => ({ ...SYSTEM_PRINCIPAL, agentId, agent: agentId });

describe('the supervision of a server', () => {
  let bench: ReturnType<typeof upstreamBench>;
  beforeEach(() => {
    bench = upstreamBench();
  });
  afterEach(() => bench.close());

  const odd = (...habits: string[]) => stdio(ODD_SERVER, habits);
  const echo = (upstream: Upstream, text: string) => ask(upstream, 'tools/call', { name: 'echo', arguments: { text } });
  const text = (answer: Awaited<ReturnType<typeof ask>>) =>
    (answer.result?.['content'] as { text: string }[] | undefined)?.[0]?.text ?? '';

  it('is one process for any number of callers when the server is shared', async () => {
    const upstream = bench.open(odd());
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        ask(upstream, 'tools/call', { name: 'pid' }, { principal: someone(`agent-${i % 7}`), sessionKey: `s${i}` }),
      ),
    );
    expect(new Set(answers.map(text)).size).toBe(1);
  });

  it('gives each session a process of its own, stops it with the session, and each agent one if so told', async () => {
    const mark = newMark();
    const pidFor = async (upstream: Upstream, agent: string, sessionKey: string) =>
      text(await ask(upstream, 'tools/call', { name: 'pid' }, { principal: someone(agent), sessionKey }));
    const perSession = bench.open(stdio(ODD_SERVER, [], mark.env), { isolation: 'session' });
    const first = await pidFor(perSession, 'a', 's1');
    expect(await pidFor(perSession, 'a', 's2')).not.toBe(first);
    expect(await pidFor(perSession, 'a', 's1')).toBe(first);
    perSession.endSession('s1');
    await until(async () => !(await mark.pids()).includes(Number(first)));

    const perAgent = bench.open(odd(), { isolation: 'agent' });
    const ofAgent = await pidFor(perAgent, 'a', 's1');
    expect(await pidFor(perAgent, 'a', 's2')).toBe(ofAgent);
    expect(await pidFor(perAgent, 'b', 's3')).not.toBe(ofAgent);
  });

  it('gives callers without a session a process by agent where each session has one, and never that of a session', async () => {
    const upstream = bench.open(odd(), { isolation: 'session' });
    const pidFor = async (agent: string, sessionKey?: string) =>
      text(
        await ask(
          upstream,
          'tools/call',
          { name: 'pid' },
          { principal: someone(agent), ...(sessionKey === undefined ? {} : { sessionKey }) },
        ),
      );
    const ofSession = await pidFor('a', 's1');
    const ofAgent = await pidFor('a');
    expect(ofAgent).not.toBe(ofSession);
    expect(await pidFor('a')).toBe(ofAgent);
    expect(await pidFor('b')).not.toBe(ofAgent);
    expect(upstream.connections.map(({ key }) => key).sort()).toEqual(['agent:a', 'agent:b', 'session:s1']);
  });

  it('gives up the connection idle longest when there are maxInstances, and refuses when all are in use', async () => {
    const upstream = bench.open(odd(), { isolation: 'session', maxInstances: 2 });
    const call = (sessionKey: string, name: string, args = {}) =>
      ask(upstream, 'tools/call', { name, arguments: args }, { principal: someone('a'), sessionKey });
    const first = text(await call('s1', 'pid'));
    await call('s2', 'pid');
    await call('s3', 'pid');
    expect(upstream.connections.map(({ key }) => key).sort()).toEqual(['session:s2', 'session:s3']);
    const busy = [call('s2', 'slow', { ms: 500 }), call('s3', 'slow', { ms: 500 })];
    await expect(call('s1', 'pid')).rejects.toMatchObject({ code: 'upstream_overloaded' });
    await Promise.all(busy);
    expect(text(await call('s1', 'pid'))).not.toBe(first);
  });

  it('starts a server that ends on server/discover once more, with initialize, and remembers it', async () => {
    const upstream = bench.open(odd('--exit-on-discover'));
    expect(text(await echo(upstream, 'alive'))).toBe('alive');
    expect(upstream.info?.era).toBe('legacy');
    const exits = () => upstream.logs.read().split('exited with code 4').length - 1;
    const before = exits();
    await expect(ask(upstream, 'tools/call', { name: 'crash' })).rejects.toMatchObject({
      code: 'upstream_unavailable',
    });
    await until(() => upstream.state === 'ready');
    expect(text(await echo(upstream, 'again'))).toBe('again');
    expect([before, exits()]).toEqual([1, 1]);
  });

  it('speaks the new era to a slow server of both as soon as it has shown it; calls go on', async () => {
    const upstream = bench.open(odd('--late-discover=3000'));
    const first = ask(upstream, 'tools/call', { name: 'slow', arguments: { ms: 3_500 } });
    await until(() => upstream.info?.era === 'legacy');
    await until(() => upstream.info?.era === 'modern');
    expect(text(await first)).toBe('done');
    expect(text(await echo(upstream, 'new'))).toBe('new');
    expect(upstream.connections).toHaveLength(1);
  });

  it('stops an idle server and starts it on demand; the first call waits for it', async () => {
    const upstream = bench.open(odd('--slow-start=300'), { idleStopSeconds: 1 });
    await echo(upstream, 'x');
    await until(() => upstream.state === 'stopped');
    expect(upstream.connections).toEqual([]);
    expect(text(await echo(upstream, 'back'))).toBe('back');
    expect(upstream.state).toBe('ready');
  });

  it('ends a call that the server does not answer, and tells the server', async () => {
    const upstream = bench.open(odd(), { callTimeoutMs: 1_000 });
    await expect(ask(upstream, 'tools/call', { name: 'hang' })).rejects.toMatchObject({ code: 'upstream_timeout' });
    expect(text(await ask(upstream, 'tools/call', { name: 'was-cancelled' }))).toBe('1');
  });

  it('carries a cancellation to the server', async () => {
    const upstream = bench.open(odd());
    await echo(upstream, 'x');
    const control = new AbortController();
    const hanging = ask(upstream, 'tools/call', { name: 'hang' }, { signal: control.signal });
    control.abort();
    await expect(hanging).rejects.toMatchObject({ code: 'cancelled' });
    expect(text(await ask(upstream, 'tools/call', { name: 'was-cancelled' }))).toBe('1');
  });

  it('queues calls past maxConcurrency and refuses those past the queue at once', async () => {
    const upstream = bench.open(odd(), { maxConcurrency: 2 }, { maxQueue: 2 });
    await echo(upstream, 'x');
    const slow = (): Promise<unknown> => ask(upstream, 'tools/call', { name: 'slow', arguments: { ms: 200 } });
    const all = await Promise.allSettled([slow(), slow(), slow(), slow(), slow(), slow()]);
    const refused = all.flatMap((one) => (one.status === 'rejected' ? [(one.reason as AppError).code] : []));
    expect(refused).toEqual(['upstream_overloaded', 'upstream_overloaded']);
  });

  it('fails the calls of a server that crashes, and repeats those that the tool says are safe to repeat', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'odd-'));
    const env = { ODD_CRASHED_FILE: join(folder, 'crashed') };
    const catalogue = new Catalogue();
    const upstream = bench.open(
      stdio(ODD_SERVER, [], env),
      {},
      { hintsOf: (slug, tool) => catalogue.hintsOf(slug, tool) },
    );
    catalogue.set('test', { tools: (await readList(upstream, 'tools')).items });
    expect(text(await ask(upstream, 'tools/call', { name: 'crash-once' }))).toBe('survived');
    await expect(ask(upstream, 'tools/call', { name: 'crash' })).rejects.toMatchObject({
      code: 'upstream_unavailable',
    });
    rmSync(folder, { recursive: true });
  });

  it('says why a server cannot be used and when it is tried again, refuses calls at once meanwhile, and a restart skips the wait', async () => {
    const begun = Date.now();
    const upstream = bench.open(odd('--crash-at-start'));
    await expect(upstream.ready()).rejects.toMatchObject({
      detail: expect.stringContaining('exited with code 3') as string,
    });
    expect(upstream.state).toBe('unreachable');
    expect(upstream.lastError).toContain('exited with code 3');
    const retryAt = upstream.nextRetryAt?.getTime() ?? 0;
    expect(retryAt).toBeGreaterThan(begun + 200);
    expect(retryAt).toBeLessThanOrEqual(Date.now() + 1_000);
    expect(upstream.logs.read()).toContain('the disk is on fire');
    const refusing = await fastest(() =>
      expect(echo(upstream, 'x')).rejects.toMatchObject({ code: 'upstream_unavailable' }),
    );
    expect(refusing).toBeLessThan(200);
    upstream.reconfigure({ ...upstream.spec, transport: odd() });
    expect(text(await echo(upstream, 'mended'))).toBe('mended');
  });

  it('finds a server that comes back by itself', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'odd-'));
    const script = join(folder, 'server.mjs');
    const upstream = bench.open(stdio(script));
    await expect(upstream.ready()).rejects.toMatchObject({ code: 'upstream_unavailable' });
    copyFileSync(ODD_SERVER, script);
    await until(() => upstream.state === 'ready');
    expect(text(await echo(upstream, 'here'))).toBe('here');
    rmSync(folder, { recursive: true });
  });

  it('does not wait when somebody restarts it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'odd-'));
    const script = join(folder, 'server.mjs');
    const upstream = bench.open(stdio(script));
    await expect(upstream.ready()).rejects.toMatchObject({ code: 'upstream_unavailable' });
    copyFileSync(ODD_SERVER, script);
    await expect(echo(upstream, 'too early')).rejects.toMatchObject({ code: 'upstream_unavailable' });
    expect(upstream.nextRetryAt?.getTime()).toBeGreaterThan(Date.now());
    await upstream.restart();
    expect(text(await echo(upstream, 'now'))).toBe('now');
    expect(upstream.nextRetryAt).toBeNull();
    rmSync(folder, { recursive: true });
  });

  it('opens the circuit after calls in a row without an answer, and closes it when a probe gets through', async () => {
    const upstream = bench.open(odd(), { callTimeoutMs: 400 });
    await echo(upstream, 'x');
    for (let i = 0; i < 5; i++) await ask(upstream, 'tools/call', { name: 'hang' }).catch(() => undefined);
    expect(upstream.state).toBe('unreachable');
    await expect(echo(upstream, 'x')).rejects.toMatchObject({ code: 'upstream_unavailable' });
    await until(() => upstream.state === 'ready');
    expect(text(await echo(upstream, 'x'))).toBe('x');
  });

  it('notices a server that closes its stdout, and starts another', async () => {
    const mark = newMark();
    const upstream = bench.open(stdio(ODD_SERVER, ['--ignore-term'], mark.env));
    await echo(upstream, 'x');
    const [pid] = await mark.pids();
    await ask(upstream, 'tools/call', { name: 'close-stdout' }).catch(() => undefined);
    await until(async () => !(await mark.pids()).includes(pid ?? 0));
    await upstream.restart();
    expect(text(await echo(upstream, 'x'))).toBe('x');
  });

  it('is not disturbed by garbage on stdout or 10 MB on stderr, of which it keeps the last MiB', async () => {
    const upstream = bench.open(odd('--garbage', '--flood'));
    expect(text(await echo(upstream, 'fine'))).toBe('fine');
    await until(() => upstream.logs.read().length > 1_000_000);
    expect(Buffer.byteLength(upstream.logs.read())).toBeLessThanOrEqual(1_048_576);
  });

  it('drops a line that is longer than a message may be, and goes on', async () => {
    const upstream = bench.open(odd(), { callTimeoutMs: 1_000 }, { maxMessageBytes: 65_536 });
    await expect(echo(upstream, 'y'.repeat(100_000))).rejects.toMatchObject({ code: 'upstream_timeout' });
    expect(text(await echo(upstream, 'short'))).toBe('short');
    expect(upstream.logs.read()).toContain('dropped a line');
  });

  it('keeps secrets out of the log that a server writes', async () => {
    const upstream = bench.open(stdio(ODD_SERVER, [], { TOKEN: 'hunter2-hunter2' }), { secrets: ['hunter2-hunter2'] });
    await ask(upstream, 'tools/call', { name: 'log', arguments: { text: 'the token is hunter2-hunter2!' } });
    await until(() => upstream.logs.read().includes('the token is'));
    expect(upstream.logs.read()).toContain('the token is [redacted]!');
  });

  it('lets calls in flight finish when it is closed, and takes no new ones', async () => {
    const upstream = bench.open(odd());
    await echo(upstream, 'x');
    const call = ask(upstream, 'tools/call', { name: 'slow', arguments: { ms: 400 } });
    const closing = upstream.close(2_000);
    await expect(echo(upstream, 'x')).rejects.toMatchObject({ code: 'upstream_unavailable' });
    expect(text(await call)).toBe('done');
    await closing;
  });

  it('ends a server that uses more memory or CPU than it may', async () => {
    const upstream = bench.open(odd(), { memoryLimitMb: 150, cpuLimitSeconds: 2 });
    await echo(upstream, 'x');
    const eating = ask(upstream, 'tools/call', { name: 'eat', arguments: { mb: 250 } }).catch(() => undefined);
    const eater = upstream.connections[0]?.pid;
    await until(() => upstream.connections[0]?.pid !== eater);
    await eating;
    expect(upstream.logs.read()).toContain('used more than 150 MB of memory');
    await upstream.restart();
    await expect(ask(upstream, 'tools/call', { name: 'burn', arguments: { ms: 8_000 } })).rejects.toMatchObject({
      code: 'upstream_unavailable',
    });
  });

  it('reports memory and CPU of each process', async () => {
    const upstream = bench.open(odd());
    await ask(upstream, 'tools/call', { name: 'burn', arguments: { ms: 200 } });
    const pid = upstream.connections[0]?.pid ?? 0;
    const usage = (await bench.reaper.usage([pid])).get(pid);
    expect(usage?.rssBytes).toBeGreaterThan(20_000_000);
    expect(usage?.cpuMs).toBeGreaterThan(0);
  });

  it('gives a server only the environment it is to have', async () => {
    const upstream = bench.open(stdio(ODD_SERVER, [], { TOKEN: 'abc' }));
    const names = text(await ask(upstream, 'tools/call', { name: 'names' })).split(',');
    expect(names.sort()).toEqual(['MCPR_CHILD', 'MCPR_OWNER', 'PATH', 'TOKEN']);
  });

  describe('messages that a server sends by itself', () => {
    const asking = (upstream: Upstream, agent: string, sessionKey: string, seen: [RpcText, ServerHandle][]) =>
      ask(
        upstream,
        'tools/call',
        { name: 'ask', arguments: { question: sessionKey } },
        { principal: someone(agent), sessionKey, onMessage: (message, server) => void seen.push([message, server]) },
      );
    const accept = ([{ id }, server]: [RpcText, ServerHandle]): void =>
      server.respond(`{"jsonrpc":"2.0","id":${id ?? ''},"result":{"action":"accept"}}`);

    it('go to the call that caused them', async () => {
      const upstream = bench.open(odd());
      const seen: [RpcText, ServerHandle][] = [];
      const call = asking(upstream, 'a', 's1', seen);
      await until(() => seen.length === 1);
      accept(seen[0] as [RpcText, ServerHandle]);
      expect(text(await call)).toContain('accept');
    });

    it('go to a new call while an older one waits for its client', async () => {
      const upstream = bench.open(odd());
      const [first, second]: [[RpcText, ServerHandle][], [RpcText, ServerHandle][]] = [[], []];
      const calls = [asking(upstream, 'a', 's1', first)];
      await until(() => first.length === 1);
      calls.push(asking(upstream, 'b', 's2', second));
      await until(() => second.length === 1);
      expect(second[0]?.[0].text).toContain('s2');
      for (const event of [...first, ...second]) accept(event);
      await Promise.all(calls);
    });

    it('are refused when calls of several callers may have caused them', async () => {
      const upstream = bench.open(odd());
      await echo(upstream, 'x');
      const seen: [RpcText, ServerHandle][] = [];
      const idle = ask(
        upstream,
        'tools/call',
        { name: 'slow', arguments: { ms: 400 } },
        { principal: someone('b'), sessionKey: 's2', onMessage: () => undefined },
      );
      expect(text(await asking(upstream, 'a', 's1', seen))).toContain('isolation');
      expect(seen).toEqual([]);
      await idle;
    });

    it('do not count as silence: the timeout rests while the client owes an answer', async () => {
      const upstream = bench.open(odd(), { callTimeoutMs: 1_000 });
      const seen: [RpcText, ServerHandle][] = [];
      const call = asking(upstream, 'a', 's1', seen);
      await until(() => seen.length === 1);
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      accept(seen[0] as [RpcText, ServerHandle]);
      expect(text(await call)).toContain('accept');
    });

    it('carry the progress token of the caller', async () => {
      const upstream = bench.open(odd());
      const seen: string[] = [];
      await ask(
        upstream,
        'tools/call',
        { name: 'echo', arguments: { text: 'x' }, _meta: { progressToken: 'my "token"' } },
        { onMessage: (message) => void seen.push(message.text) },
      );
      expect(seen.map((one) => JSON.parse(one) as unknown)).toEqual([
        { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 'my "token"', progress: 1 } },
      ]);
    });
  });

  it('keeps every digit and unknown field of a message', async () => {
    const upstream = bench.open(odd());
    const message = parseRpc(
      '{"id":12345678901234567890,"vendor":{"a":1.0},"jsonrpc":"2.0","method":"tools/call","params":{"name":"echo","arguments":{"text":"é\\u0000"}}}',
    );
    const answer = await upstream.exchange({
      message,
      principal: SYSTEM_PRINCIPAL,
      signal: new AbortController().signal,
    });
    expect(answer).toContain('"id":12345678901234567890');
    expect(answer).toContain('é\\u0000');
  });
});

describe('a server that accepts connections and says nothing', () => {
  it('is given up after the connect timeout', async () => {
    const bench = upstreamBench();
    const sockets = createServer(() => undefined);
    await new Promise<void>((done) => sockets.listen(0, '127.0.0.1', done));
    const url = `http://127.0.0.1:${(sockets.address() as AddressInfo).port}/mcp`;
    const upstream = bench.open({ type: 'http', url, headers: {} }, { connectTimeoutMs: 300 });
    await expect(upstream.ready()).rejects.toMatchObject({ code: 'upstream_timeout' });
    expect(upstream.state).toBe('unreachable');
    await bench.close();
    sockets.close();
  });
});
