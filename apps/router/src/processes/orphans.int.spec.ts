import { rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promptly, until } from '@mcp-router/platform/testing';
import { compile, newMark, ODD_SERVER, startHost, type Mark } from '../testing/processes';
import { listPids, readStat } from './proc';
import { ask, stdio, upstreamBench } from '../testing/upstream-bench';

const GONE_WITHIN_MS = 5_000;

const noneLeft = (mark: Mark) => async (): Promise<boolean> => (await mark.pids()).length === 0;

describe('processes of servers', () => {
  let bench: ReturnType<typeof upstreamBench>;
  let mark: Mark;
  beforeEach(() => {
    bench = upstreamBench();
    mark = newMark();
  });
  afterEach(() => bench.close());

  const odd = (...habits: string[]) => stdio(ODD_SERVER, habits, mark.env);

  it.each([
    ['an ordinary server', []],
    ['a server that ignores SIGTERM and the end of its stdin', ['--ignore-term']],
    ['a server that forks', ['--fork']],
    ['a server that forks into a session of its own', ['--fork-away']],
    ['a server whose fork holds its stdout', ['--fork', '--hold-stdout', '--ignore-term']],
  ])('are all gone after a stop: %s', async (_, habits) => {
    const upstream = bench.open(odd(...habits));
    await ask(upstream, 'ping');
    expect((await mark.pids()).length).toBeGreaterThan(0);
    await upstream.close();
    await promptly(noneLeft(mark), GONE_WITHIN_MS);
  });

  it.each([
    ['the server itself', []],
    ['a server with a fork', ['--fork']],
    ['a server with a fork in a session of its own', ['--fork-away']],
  ])('leave nothing behind when kill -9 hits %s, and the next call gets a new one', async (_, habits) => {
    const upstream = bench.open(odd(...habits));
    await ask(upstream, 'ping');
    const before = await mark.pids();
    const [{ pid } = { pid: 0 }] = upstream.connections;
    process.kill(pid ?? 0, 'SIGKILL');
    await promptly(async () => (await mark.pids()).every((alive) => !before.includes(alive)), GONE_WITHIN_MS);
    await upstream.restart();
    expect(await ask(upstream, 'tools/call', { name: 'echo', arguments: { text: 'again' } })).toMatchObject({
      result: { content: [{ text: 'again' }] },
    });
  });

  it('leave nothing behind when kill -9 hits a wrapper that started the server', async () => {
    const inner = odd();
    if (inner.type !== 'stdio') throw new Error('odd servers are stdio');
    const script = `"$0" "$@"; exit $?`;
    const upstream = bench.open({ ...inner, command: '/bin/sh', args: ['-c', script, inner.command, ...inner.args] });
    await ask(upstream, 'ping');
    const before = await mark.pids();
    expect(before.length).toBeGreaterThanOrEqual(2);
    process.kill(upstream.connections[0]?.pid ?? 0, 'SIGKILL');
    await promptly(async () => (await mark.pids()).every((alive) => !before.includes(alive)), GONE_WITHIN_MS);
  });

  it('leave nothing behind when a server crashes at its start', async () => {
    const upstream = bench.open(odd('--crash-at-start', '--fork-away'));
    await expect(upstream.ready()).rejects.toMatchObject({ code: 'upstream_unavailable' });
    await upstream.close();
    await promptly(noneLeft(mark), GONE_WITHIN_MS);
  });

  it('leave nothing behind when a server never answers initialize', async () => {
    const upstream = bench.open(odd('--never-initialize', '--fork-away'), { connectTimeoutMs: 1_500 });
    await expect(upstream.ready()).rejects.toMatchObject({ code: 'upstream_timeout' });
    await upstream.close();
    await promptly(noneLeft(mark), GONE_WITHIN_MS);
  });
});

describe('processes of servers when the router is killed with -9', () => {
  let host = '';
  beforeAll(async () => {
    host = await compile(join(__dirname, '../testing/upstream-host.ts'));
  });
  afterAll(() => rmSync(dirname(host), { recursive: true, force: true }));

  it('are all gone within 5 s, also those that ignore signals or left their group', async () => {
    const mark = newMark();
    const habits = [[], ['--ignore-term'], ['--fork'], ['--fork-away'], ['--fork-away', '--ignore-term']];
    const specs = habits.map((list, i) => ({ slug: `odd-${i}`, transport: stdio(ODD_SERVER, list, mark.env) }));
    const router = await startHost(host, [JSON.stringify(specs)]);
    expect((await mark.pids()).length).toBeGreaterThanOrEqual(8);
    router.kill('SIGKILL');
    await promptly(noneLeft(mark), GONE_WITHIN_MS);
  });

  it('are all gone within 5 s when the warden was killed before: there is a new one', async () => {
    const mark = newMark();
    const specs = [{ slug: 'odd', transport: stdio(ODD_SERVER, ['--ignore-term', '--fork'], mark.env) }];
    const router = await startHost(host, [JSON.stringify(specs)]);
    const wardens = async () => (await childrenOf(router.pid ?? 0)).filter((pid) => !servers.includes(pid));
    const servers = await mark.pids();
    const [first] = await wardens();
    process.kill(first ?? 0, 'SIGKILL');
    await until(async () => (await wardens()).some((pid) => pid !== first));
    router.kill('SIGKILL');
    await promptly(noneLeft(mark), GONE_WITHIN_MS);
  });
});

async function childrenOf(parent: number): Promise<number[]> {
  const children: number[] = [];
  for (const pid of await listPids()) {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
    const ppid = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    if (ppid === parent && (await readStat(pid))?.state !== 'Z') children.push(pid);
  }
  return children;
}
