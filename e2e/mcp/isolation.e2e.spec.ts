import { join } from 'node:path';
import { eventually, startSystem, type System } from '../system';
import { ROOT } from '../system/service';
import { post, RawSession, type JsonRpc } from './raw-client';

const ODD_SERVER = join(ROOT, 'apps/router/src/testing/fixtures/odd-server.mjs');
const odd = { command: process.execPath, args: [ODD_SERVER] };
const VERSION = '2026-07-28';

interface ServerView {
  state: string;
  instances: { pid?: number; key: string }[];
}

describe('who shares a process of a server', () => {
  let system: System;
  const keys: Record<string, string> = {};
  beforeAll(async () => {
    system = await startSystem({ anonymous: false, discovery: 0, monitor: 0, analyzer: 0 });
    const idle = { idleStopSeconds: 300 };
    await system.addServer({ slug: 'one-for-all', ...odd });
    await system.addServer({ slug: 'by-agent', ...odd, ...idle, isolation: 'agent' });
    await system.addServer({ slug: 'by-session', ...odd, ...idle, isolation: 'session' });
    // One of them is the connection that the lists are read over.
    await system.addServer({ slug: 'two-at-most', ...odd, ...idle, isolation: 'session', maxInstances: 2 });
    await system.addServer({ slug: 'short-lived', ...odd, isolation: 'agent', idleStopSeconds: 1 });
    for (const agent of ['ann', 'bob']) {
      await system.api('POST', '/api/v1/agents', { name: agent, policy: { allow: ['*'] } });
      const { body } = await system.api<{ key: string }>('POST', '/api/v1/keys', { agent, name: 'test' });
      keys[agent] = body.key;
    }
  });
  afterAll(() => system.stop());

  const bearer = (agent: string) => ({ authorization: `Bearer ${keys[agent]}` });
  const session = (slug: string, agent: string) =>
    RawSession.open(`${system.url}/mcp/${slug}`, '2025-06-18', {}, bearer(agent));
  const textOf = (result: Record<string, unknown> | undefined): string =>
    (result?.['content'] as { text: string }[] | undefined)?.[0]?.text ?? '';
  const pidOf = async (at: RawSession): Promise<number> => Number(textOf((await at.call('pid')).result));
  const view = async (slug: string): Promise<ServerView> =>
    (await system.api<ServerView>('GET', `/api/v1/servers/${slug}`)).body;

  /** The process that a client of the new era reaches, which has no session. */
  async function pidWithoutSession(slug: string, agent: string): Promise<number> {
    const meta = {
      'io.modelcontextprotocol/protocolVersion': VERSION,
      'io.modelcontextprotocol/clientCapabilities': {},
    };
    const { texts } = await post(
      `${system.url}/mcp/${slug}`,
      JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'pid', _meta: meta } }),
      { ...bearer(agent), 'mcp-protocol-version': VERSION, 'mcp-method': 'tools/call', 'mcp-name': 'pid' },
    );
    return Number(textOf((JSON.parse(texts.at(-1) ?? '{}') as { result?: Record<string, unknown> }).result));
  }

  it('shared: all agents and sessions have one', async () => {
    const pids = [
      await pidOf(await session('one-for-all', 'ann')),
      await pidOf(await session('one-for-all', 'ann')),
      await pidOf(await session('one-for-all', 'bob')),
      await pidWithoutSession('one-for-all', 'bob'),
    ];
    expect(new Set(pids).size).toBe(1);
    expect((await view('one-for-all')).instances).toHaveLength(1);
  });

  it('agent: two agents have two, and all sessions of an agent, or none, one', async () => {
    const ann = [
      await pidOf(await session('by-agent', 'ann')),
      await pidOf(await session('by-agent', 'ann')),
      await pidWithoutSession('by-agent', 'ann'),
    ];
    const bob = [await pidOf(await session('by-agent', 'bob')), await pidWithoutSession('by-agent', 'bob')];
    expect(new Set(ann).size).toBe(1);
    expect(new Set(bob).size).toBe(1);
    expect(ann[0]).not.toBe(bob[0]);
    const { instances } = await view('by-agent');
    expect(instances.map(({ pid }) => pid)).toEqual(expect.arrayContaining([ann[0], bob[0]]));
  });

  it('session: each session has its own, which ends with it', async () => {
    const [first, second] = [await session('by-session', 'ann'), await session('by-session', 'ann')];
    const pids = [await pidOf(first), await pidOf(second), await pidOf(first)];
    expect(pids[0]).toBe(pids[2]);
    expect(pids[0]).not.toBe(pids[1]);
    await fetch(first.url, { method: 'DELETE', headers: first.headers });
    await eventually(async () => !(await view('by-session')).instances.some(({ pid }) => pid === pids[0]), 20_000);
    expect(await pidOf(second)).toBe(pids[1]);
  });

  it('maxInstances: one that is idle makes room, and a call is refused when none is', async () => {
    const [first, second, third] = [
      await session('two-at-most', 'ann'),
      await session('two-at-most', 'ann'),
      await session('two-at-most', 'bob'),
    ];
    await pidOf(first);
    await pidOf(second);
    expect((await view('two-at-most')).instances.length).toBeLessThanOrEqual(2);
    // One that comes while the third is at work is refused itself, and comes again.
    const hang = async (one: RawSession): Promise<void> => {
      while ((await one.call('hang')).error?.message.includes('2 instances') === true);
    };
    const busy = [hang(first), hang(second)];
    // Until both calls are at work an idle instance makes room for the third, and takes its room back from it.
    let last: unknown;
    const isRefused = async () => {
      last = await third.call('pid');
      return (last as JsonRpc).error?.message.includes('2 instances') === true;
    };
    await eventually(isRefused, 30_000, () => JSON.stringify(last));
    for (const one of [first, second]) await fetch(one.url, { method: 'DELETE', headers: one.headers });
    await Promise.allSettled(busy);
    await eventually(async () => (await third.call('pid')).result !== undefined, 20_000);
  });

  it('idleStopSeconds: a process that nobody calls is ended, and the next call starts another and is answered', async () => {
    const at = await session('short-lived', 'ann');
    const before = await pidOf(at);
    await eventually(async () => !(await view('short-lived')).instances.some(({ pid }) => pid === before), 30_000);
    const after = await pidOf(at);
    expect(after).toBeGreaterThan(0);
    expect(after).not.toBe(before);
  });
});
