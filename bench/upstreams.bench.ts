// What a call costs between the router's upstream layer and a server, beside bare undici in the same process, how long
// after a saved file a new server is callable, and how long `tools/list` takes at the door while other servers hang:
// `npm run bench -- upstreams [calls]`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseRpc } from '@mcp-router/shared';
import { pino } from 'pino';
import { Agent } from 'undici';
import { ConfigFile } from '../apps/router/src/config-file/config-file';
import { stdio, upstreamBench } from '../apps/router/src/testing/upstream-bench';
import { SYSTEM_CALLER } from '../apps/router/src/upstreams/system-caller';

const CALLS = Number(process.argv[2] ?? 20_000);
const IN_FLIGHT = 16;
const ROUNDS = 3;
const EDITS = 20;
const LISTS = 500;
const ODD_SERVER = join(process.cwd(), 'apps/router/src/testing/fixtures/odd-server.mjs');

/** Answers `tools/call` with what it got; `initialize` with a session. */
const SERVER = `
  require('node:http').createServer((request, response) => {
    if (request.method !== 'POST') return response.writeHead(405).end();
    let body = '';
    request.setEncoding('utf8').on('data', (text) => (body += text)).on('end', () => {
      const { id, method, params } = JSON.parse(body);
      if (id === undefined) return response.writeHead(202).end();
      if (method === 'server/discover') return response.writeHead(400).end();
      const result = method === 'initialize'
        ? { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 'bench', version: '1' } }
        : { content: [{ type: 'text', text: params.arguments.text }] };
      const text = JSON.stringify({ result, jsonrpc: '2.0', id });
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), 'mcp-session-id': 'bench' });
      response.end(text);
    });
  }).listen(0, '127.0.0.1', function () { console.log('http://127.0.0.1:' + this.address().port + '/mcp'); });`;

const body = (id: number): string =>
  `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"echo","arguments":{"text":"hello there"}}}`;

async function run(one: (id: number) => Promise<void>, calls: number): Promise<{ cpuMs: number; perSecond: number }> {
  let next = 0;
  const cpu = process.cpuUsage();
  const start = performance.now();
  const caller = async (): Promise<void> => {
    while (next < calls) await one(++next);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, caller));
  const { user, system } = process.cpuUsage(cpu);
  return { cpuMs: (user + system) / 1000 / calls, perSecond: (calls / (performance.now() - start)) * 1000 };
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

async function calls(): Promise<void> {
  const server = spawn(process.execPath, ['-e', SERVER], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(server.stdout, 'data')) as [Buffer];
  const url = line.toString().trim();
  const bench = upstreamBench();
  const overHttp = bench.open({ type: 'http', url, headers: {} });
  const overStdio = bench.open(stdio(ODD_SERVER));
  await Promise.all([overHttp.ready(), overStdio.ready()]);
  const agent = new Agent();
  const { origin, pathname: path } = new URL(url);
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
  const ways: Record<string, (id: number) => Promise<void>> = {
    'bare undici request': async (id) => {
      const reply = await agent.request({ origin, path, method: 'POST', headers, body: body(id) });
      await reply.body.text();
    },
    'upstream over HTTP': async (id) => {
      await overHttp.exchange({ ...SYSTEM_CALLER, message: parseRpc(body(id)) });
    },
    'upstream over stdio': async (id) => {
      await overStdio.exchange({ ...SYSTEM_CALLER, message: parseRpc(body(id)) });
    },
  };
  const seen: Record<string, { cpuMs: number; perSecond: number }[]> = {};
  for (const one of Object.values(ways)) await run(one, CALLS / 4);
  for (let round = 0; round < ROUNDS; round++)
    for (const [name, one] of Object.entries(ways)) (seen[name] ??= []).push(await run(one, CALLS));
  const bare = median((seen['bare undici request'] ?? []).map(({ cpuMs }) => cpuMs));
  console.table(
    Object.entries(seen).map(([way, rounds]) => {
      const cpuMs = median(rounds.map((round) => round.cpuMs));
      return {
        way,
        'calls/s': Math.round(median(rounds.map(({ perSecond }) => perSecond))),
        'CPU ms a call': cpuMs.toFixed(4),
        'more than bare': (cpuMs - bare).toFixed(4),
      };
    }),
  );
  await bench.close();
  await agent.destroy();
  server.kill();
}

/** From the write of the file to the answer of a tool of the server that is new in it. */
async function edits(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mcpr-bench-'));
  const path = join(folder, 'mcp-router.json');
  const bench = upstreamBench();
  const times: number[] = [];
  let answered: (() => void) | undefined;
  const known = new Set<string>();
  const file = new ConfigFile(path, {}, pino({ level: 'silent' }), (entries) => {
    for (const { slug } of entries.filter((entry) => !known.has(entry.slug))) {
      known.add(slug);
      const upstream = bench.open(stdio(ODD_SERVER), { slug });
      void upstream.exchange({ ...SYSTEM_CALLER, message: parseRpc(body(1)) }).then(() => answered?.());
    }
  });
  writeFileSync(path, '{}');
  await file.start();
  for (let i = 1; i <= EDITS; i++) {
    const servers = Object.fromEntries(Array.from({ length: i }, (_, n) => [`server-${n}`, { command: 'node' }]));
    const start = performance.now();
    await new Promise<void>((resolve) => {
      answered = resolve;
      writeFileSync(path, JSON.stringify({ mcpServers: servers }));
    });
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  console.table([
    {
      what: 'file saved → callable',
      edits: EDITS,
      'p50 ms': median(times).toFixed(0),
      'max ms': times.at(-1)?.toFixed(0),
    },
  ]);
  await file.close();
  await bench.close();
  rmSync(folder, { recursive: true });
}

/** `tools/list` through gateway and router, of one good server beside five that misbehave. */
async function neighbours(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mcpr-bench-'));
  const silent = createServer(() => undefined).listen(0, '127.0.0.1');
  const door = createServer().listen(0, '127.0.0.1');
  await Promise.all([once(silent, 'listening'), once(door, 'listening')]);
  const [silentPort, port] = [silent, door].map((server) => (server.address() as AddressInfo).port);
  await new Promise((resolve) => door.close(resolve));
  const odd = (...habits: string[]) => ({ command: process.execPath, args: [ODD_SERVER, ...habits] });
  const mcpServers = {
    good: odd(),
    'refuses-tcp': { url: 'http://127.0.0.1:9/mcp' },
    hangs: { url: `http://127.0.0.1:${silentPort}/mcp` },
    crashes: odd('--crash-at-start'),
    mute: odd('--never-initialize'),
    'answers-late': odd('--slow-list=60000'),
  };
  const config = join(folder, 'mcp-router.json');
  writeFileSync(config, JSON.stringify({ mcpServers }));
  const env = {
    ...process.env,
    LOG_LEVEL: 'fatal',
    MCPR_DATA_DIR: folder,
    MCPR_CONFIG: config,
    PORT: String(port),
    ADMIN_KEY: 'upstreams-bench-admin-key',
  };
  const apps = ['router', 'gateway'].map((app) =>
    spawn(process.execPath, [join(process.cwd(), `dist/apps/${app}/main.mjs`)], {
      env,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    }),
  );
  await Promise.all(apps.map((app) => once(app, 'message')));
  const list = async (): Promise<{ ms: number; names: string[] }> => {
    const start = performance.now();
    const reply = await fetch(`http://127.0.0.1:${port}/mcp`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${env.ADMIN_KEY}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'tools/list',
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/list',
        params: {
          _meta: {
            'io.modelcontextprotocol/protocolVersion': '2026-07-28',
            'io.modelcontextprotocol/clientCapabilities': {},
          },
        },
      }),
    });
    const text = await reply.text();
    const { result } = JSON.parse(text) as { result?: { tools: { name: string }[] } };
    if (!result) throw new Error(`tools/list: ${reply.status} ${text.slice(0, 300)}`);
    return { ms: performance.now() - start, names: result.tools.map(({ name }) => name) };
  };
  while (!(await list()).names.includes('good__echo')) await new Promise((resolve) => setTimeout(resolve, 50));
  const times: number[] = [];
  for (let i = 0; i < LISTS; i++) times.push((await list()).ms);
  times.sort((a, b) => a - b);
  console.table([
    {
      what: 'tools/list at the door while one refuses, one hangs, one crashes, one is mute, one is late',
      lists: LISTS,
      'p50 ms': median([...times]).toFixed(1),
      'p99 ms': times[Math.floor(LISTS * 0.99)]?.toFixed(1),
      'max ms': times.at(-1)?.toFixed(1),
      asked: '<= 50 ms',
    },
  ]);
  for (const app of apps) app.kill('SIGTERM');
  await Promise.all(apps.map((app) => once(app, 'exit')));
  silent.close();
  rmSync(folder, { recursive: true });
}

void calls()
  .then(edits)
  .then(neighbours)
  .then(() => process.exit(0));
