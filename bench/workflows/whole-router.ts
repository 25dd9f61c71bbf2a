// A whole gateway and router as processes, with an MCP server over HTTP in this one.
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '@mcp-router/platform';
import { pino } from 'pino';
import type { RouterEnv } from '../../apps/router/src/config';
import { MIGRATIONS } from '../../apps/router/src/migrations';
import { ServerEntity } from '../../apps/router/src/servers/server.entity';
import { httpServer } from '../../apps/router/src/testing/http-server';
import { EngineProcess } from '../../apps/router/src/workflows/engine/testing/engine-process';
import { Waker } from '../../apps/router/src/workflows/engine/waker';
import { median } from './beside-dbos';

const KEY = 'workflows-bench-admin-key';
const ROOT = process.cwd();
const STARTS = 200;
const LIVE = 1_000;
const WAITING = 100_000;
const AT_ONCE = 32;

type Row = Record<'measured' | 'figure' | 'asked', string>;
type Tool = (args: Record<string, unknown>) => Promise<void> | void;

const children = new Set<ChildProcess>();
process.on('exit', () => children.forEach((child) => child.kill('SIGKILL')));

async function startApp(app: string, env: Record<string, string>): Promise<ChildProcess> {
  const child = spawn(process.execPath, [join(ROOT, `dist/apps/${app}/main.mjs`)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: {
      ...process.env,
      NODE_ENV: 'production',
      LOG_LEVEL: 'fatal',
      ADMIN_KEY: KEY,
      OUTBOUND_ALLOW: 'loopback',
      ...env,
    },
  });
  children.add(child);
  child.once('exit', () => children.delete(child));
  await new Promise<void>((resolve, reject) => {
    child.on('message', (message: { type?: string }) => message.type === 'ready' && resolve());
    child.once('exit', (code) => reject(new Error(`${app} ended with ${code}`)));
  });
  return child;
}

const freePort = () =>
  new Promise<number>((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

const rssMb = (pid: number) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;

async function until(isSo: () => Promise<boolean> | boolean, what: string, withinMs = 60_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`Not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** So many at once, `count` in all. */
async function many(count: number, one: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) await one(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

export async function wholeRouter(): Promise<Row[]> {
  let tool: Tool = () => undefined;
  const inputSchema = { type: 'object', properties: { mark: { type: 'string' }, ms: { type: 'integer' } } };
  const tools = [{ name: 'touch', inputSchema, annotations: { readOnlyHint: true } }];
  const server = await httpServer('legacy', ({ message, reply }) => {
    if (message.method === 'tools/list') reply({ tools });
    else if (message.method === 'tools/call')
      void (async () => {
        await tool((message.params?.['arguments'] ?? {}) as Record<string, unknown>);
        reply({ content: [], structuredContent: { mark: '' } });
      })();
    else return false;
    return true;
  });
  const folder = mkdtempSync(join(tmpdir(), 'bench-workflows-'));
  const config = join(folder, 'mcp-router.json');
  writeFileSync(config, JSON.stringify({ mcpServers: { fx: { url: server.url } } }));
  const port = await freePort();
  const env = { MCPR_CONFIG: config, MCPR_DATA_DIR: folder, MAX_CONCURRENCY: '2000', PORT: String(port) };
  let router = await startApp('router', env);
  await startApp('gateway', env);
  const api = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${KEY}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text) as T;
  };
  const publish = async (name: string, tasks: object[]) => {
    const document = { dsl: '1.0.3', namespace: 'bench', name, version: '1.0.0' };
    await api('POST', '/workflows', { definition: { document, do: tasks } });
    await api('POST', `/workflows/bench/${name}/versions/1.0.0/publish`);
  };
  const start = (name: string, input: object) => api('POST', `/workflows/bench/${name}/runs`, { input });
  await until(
    () =>
      api('GET', '/tools/fx__touch').then(
        () => true,
        () => false,
      ),
    'the tool is offered',
  );
  const mark = { mark: '${ .mark }' };
  const rows: Row[] = [];

  await publish('once', [{ touch: { call: 'fx__touch', with: mark } }]);
  const delays: number[] = [];
  for (let index = 0; index < STARTS + 20; index++) {
    let touched = 0;
    const isTouched = new Promise<void>((resolve) => {
      tool = () => {
        touched = performance.now();
        resolve();
      };
    });
    const started = performance.now();
    await start('once', { mark: `${index}` });
    await isTouched;
    if (index >= 20) delays.push(touched - started);
  }
  delays.sort((a, b) => a - b);
  rows.push({
    measured: 'POST …/runs until the first tool is called: p50, p99',
    figure: `${median(delays).toFixed(1)} ms, ${delays[Math.floor(delays.length * 0.99)]!.toFixed(1)} ms`,
    asked: 'p50 ≤ 10 ms',
  });

  // Each run is in the middle of a call, and has others before and after it.
  const called = new Map<string, number>();
  let isKilled = false;
  const resumed = new Set<string>();
  tool = async ({ mark: name, ms }) => {
    if (isKilled) resumed.add(name as string);
    else if (ms !== undefined) {
      called.set(name as string, 1);
      await new Promise((resolve) => setTimeout(resolve, 120_000).unref());
    }
  };
  await publish('live', [
    { before: { call: 'fx__touch', with: mark, output: { as: '$input' } } },
    { during: { call: 'fx__touch', with: { ...mark, ms: 1 }, output: { as: '$input' } } },
    { after: { call: 'fx__touch', with: mark } },
  ]);
  await many(LIVE, (index) => start('live', { mark: `live-${index}` }).then(() => undefined));
  await until(() => called.size === LIVE, 'all runs are in the middle');
  const killedAt = performance.now();
  isKilled = true;
  router.kill('SIGKILL');
  router = await startApp('router', env);
  const bootMs = performance.now() - killedAt;
  await until(() => resumed.size === LIVE, `all are resumed (${resumed.size})`);
  const resumedMs = performance.now() - killedAt;
  const left = async () =>
    (await api<{ items: unknown[] }>('GET', '/runs?state=running&namespace=bench&name=live')).items.length;
  await until(async () => (await left()) === 0, 'all have ended');
  rows.push({
    measured: `SIGKILL with ${LIVE} live runs until all were resumed (the router is back after ${(bootMs / 1_000).toFixed(1)} s)`,
    figure: `${(resumedMs / 1_000).toFixed(1)} s`,
    asked: '≤ 8 s',
  });

  const waiting = fork(process.argv[1]!, ['waiting'], { execArgv: process.execArgv });
  children.add(waiting);
  const { rss, seconds } = await new Promise<{ rss: number; seconds: number }>((resolve) =>
    waiting.once('message', (message) => resolve(message as { rss: number; seconds: number })),
  );
  waiting.kill('SIGKILL');
  router.kill('SIGKILL');
  router = await startApp('router', env);
  await new Promise((resolve) => setTimeout(resolve, 8_000));
  rows.push({
    measured: `memory of the engine that started ${WAITING} waiting runs (in ${seconds.toFixed(0)} s), and of a router beside them`,
    figure: `${rss.toFixed(0)} MB, ${rssMb(router.pid!).toFixed(0)} MB`,
    asked: '≤ 300 MB',
  });
  await server.stop();
  return rows;
}

/** A process whose engine starts the waiting runs, with wakes in Redis, and says how large it is. */
export async function serveWaiting(): Promise<void> {
  const setup = { schema: 'router', url: process.env['DATABASE_URL']!, poolSize: 10 };
  const database = await openDatabase({ ...setup, entities: [ServerEntity], migrations: MIGRATIONS });
  const env = { REDIS_URL: process.env['REDIS_URL']!, REDIS_PREFIX: 'mcpr:' } as RouterEnv;
  const waker = new Waker(env, pino({ level: 'silent' }));
  const host = new EngineProcess(database, { call: () => null, leaseMs: 5_000, sweepMs: 1_500, waker });
  await host.boot();
  const document = { dsl: '1.0.3', namespace: 'bench', name: 'waits', version: '1.0.0' };
  const version = await host.publish({ document, do: [{ pause: { wait: { days: 2 } } }] });
  const started = performance.now();
  await many(WAITING, (index) => host.start(version, { index }).then(() => undefined));
  const isWaiting = async () => {
    const [row] = await database.query<{ left: string }[]>(
      `SELECT count(*) AS left FROM router.workflow_run WHERE name = 'waits' AND state <> 'waiting'`,
    );
    return row?.left === '0';
  };
  await until(isWaiting, 'all wait');
  const seconds = (performance.now() - started) / 1_000;
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  process.send?.({ rss: rssMb(process.pid), seconds });
}
