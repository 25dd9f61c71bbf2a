import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { startSystem, type System } from '../system';

const RUNS = 2_000;
const AT_ONCE = 16;
const BLOW_MS = 5_000;
/** How often everything is killed at least, however soon a fast machine is done with the runs. */
const ROUNDS = 2;
const PATIENCE_MS = 15 * 60_000;

interface Entry {
  what: 'begin' | 'end';
  name: string;
  mark: string;
  key: string;
}

const call = (tool: string, mark: string) => ({ call: `fx__${tool}`, with: { mark: `\${ $workflow.input.mark + "${mark}" }`, ms: 5 } }); // prettier-ignore
const TASKS = [
  { a: call('write', '-a') },
  { pause: { wait: { milliseconds: 300 } } },
  {
    both: {
      fork: { branches: [{ b: call('write', '-b') }, { c: { do: [{ w: { wait: { seconds: 2 } } }, { d: call('read', '-d') }] } }] }, // prettier-ignore
    },
  },
  { loop: { for: { each: 'x', in: '[1, 2]' }, do: [{ e: call('write', '-e\\($x)') }] } },
  { result: { set: { mark: '${ $workflow.input.mark }' } } },
];
const WRITES = ['-a', '-b', '-e1', '-e2'];

describe('two thousand runs and more while everything below them is killed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-router-chaos-'));
  const logFile = join(folder, 'effects.log');
  let stores: ChildProcess;
  let system: System;
  const before = { DATABASE_URL: process.env['DATABASE_URL'], REDIS_URL: process.env['REDIS_URL'] };

  beforeAll(async () => {
    chmodSync(folder, 0o711); // The Postgres of root runs as another user and must get in.
    writeFileSync(logFile, '');
    stores = fork(join(__dirname, '../fixtures/restarting-stores.mjs'), [folder], { execArgv: [] });
    const [addresses] = (await once(stores, 'message')) as [Record<string, string>];
    Object.assign(process.env, addresses);
    const script = join(__dirname, '../fixtures/effects-upstream.mjs');
    system = await startSystem({
      routers: 2,
      discovery: 0,
      monitor: 0,
      analyzer: 0,
      config: { mcpServers: { fx: { command: process.execPath, args: [script], env: { EFFECTS_LOG: logFile } } } },
      env: { WORKFLOW_LEASE_MS: '2000', WORKFLOW_SWEEP_MS: '500' },
    });
    await system.untilReady('fx');
  }, 120_000);
  afterAll(async () => {
    await system.stop();
    const gone = once(stores, 'exit');
    stores.send('stop');
    await gone;
    Object.assign(process.env, before);
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  const entries = () =>
    readFileSync(logFile, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Entry);
  /** Asks until it is answered: in between, nobody may be there. */
  async function insist<T>(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<T> {
    for (;;) {
      const reply = await system.api<T>(method, path, body, headers).catch(() => undefined);
      if (reply && (reply.status < 500 || reply.status === 501)) return reply.body;
      await pause(100);
    }
  }
  const blows: (() => Promise<unknown>)[] = [
    () => killed('postgres'),
    async () => {
      const redis = new Redis(process.env['REDIS_URL'] as string);
      await redis.flushall().finally(() => redis.disconnect());
      await killed('redis');
    },
    () => system.routers[0]?.restart('SIGKILL') ?? Promise.resolve(),
    () => killed('postgres'),
    () => system.routers[1]?.restart('SIGKILL') ?? Promise.resolve(),
  ];
  async function killed(store: string): Promise<void> {
    const back = once(stores, 'message');
    stores.send(`kill ${store}`);
    await back;
  }
  /** What is uncertain is decided by what the log says. @returns how many were */
  async function decide(): Promise<number> {
    const page = await insist<{ items?: { id: string }[] }>('GET', '/api/v1/runs?state=needs_attention&limit=100');
    let decided = 0;
    for (const { id } of page.items ?? []) {
      const { uncertain = [] } = await insist<{ uncertain?: { path: string }[] }>('GET', `/api/v1/runs/${id}`);
      for (const { path } of uncertain) {
        const begun = entries().find(({ key }) => key === `${id}:${path}`);
        const decision = begun ? { action: 'complete', output: { mark: begun.mark } } : { action: 'retry' };
        const reply = await system
          .api('POST', `/api/v1/runs/${id}/decide`, { path, ...decision })
          .catch(() => undefined);
        if (reply?.status === 202) decided++;
      }
    }
    return decided;
  }

  it('loses none, wedges none, repeats nothing that was recorded, and asks about what it cannot know', async () => {
    const document = { dsl: '1.0.3', namespace: 'chaos', name: 'all', version: '1.0.0' };
    await system.api('POST', '/api/v1/workflows', { definition: { document, do: TASKS } });
    await system.api('POST', '/api/v1/workflows/chaos/all/versions/1.0.0/publish');
    const storming = { isOver: false, count: 0 };
    const storm = (async () => {
      for (; !storming.isOver; storming.count++) {
        await pause(BLOW_MS);
        await blows[storming.count % blows.length]?.();
      }
    })();
    const ids = new Map<string, string>();
    let next = 0;
    const lane = async () => {
      while (next < RUNS || storming.count < ROUNDS * blows.length) {
        const mark = `r${next++}`;
        const headers = { 'idempotency-key': mark };
        const run = await insist<{ id: string }>(
          'POST',
          '/api/v1/workflows/chaos/all/runs',
          { input: { mark } },
          headers,
        );
        ids.set(mark, run.id);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
    let uncertain = 0;
    const open = new Map(ids);
    for (const deadline = Date.now() + PATIENCE_MS; open.size > 0 && Date.now() < deadline;) {
      uncertain += await decide();
      for (const [mark, id] of [...open].slice(0, 200)) {
        const run = await insist<{ state: string; output: unknown }>('GET', `/api/v1/runs/${id}`);
        if (run.state !== 'completed') continue;
        expect(run.output).toEqual({ mark });
        open.delete(mark);
      }
    }
    storming.isOver = true;
    await storm;
    expect([...open.keys()]).toEqual([]);
    const begun = new Map<string, number>();
    for (const { what, mark } of entries()) if (what === 'begin') begun.set(mark, (begun.get(mark) ?? 0) + 1);
    for (const mark of ids.keys()) {
      expect({ mark, writes: WRITES.map((suffix) => begun.get(mark + suffix)) }).toEqual({
        mark,
        writes: [1, 1, 1, 1],
      });
      expect(begun.get(`${mark}-d`)).toBeGreaterThanOrEqual(1);
    }
    expect(uncertain).toBeGreaterThan(0);
  }, 1_800_000);
});
