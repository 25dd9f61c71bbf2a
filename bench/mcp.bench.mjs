/**
 * What the router costs, beside doing nothing and beside others: `npm run bench -- mcp [--seconds 2] [--rounds 3]`.
 *
 * Everything runs on this machine, interleaved in one run: judge by the ratios, and by CPU per call. Every answer is
 * checked. Gateway, router and monitor are processes of their own, with authentication and the call log on.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { HttpClient } from './mcp/http-client.mjs';
import { load, openSession, toolCall } from './mcp/load.mjs';
import { startPeers } from './mcp/peers.mjs';
import { start } from './mcp/processes.mjs';
import { startServices } from './mcp/services.mjs';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
    'no-peers': { type: 'boolean', default: false },
  },
});
const DURATION_MS = Number(values.seconds) * 1000;
const HERE = join(dirname(fileURLToPath(import.meta.url)), 'mcp');
const LEAN = join(HERE, 'lean-upstream.mjs');
const folder = mkdtempSync(join(tmpdir(), 'mcp-router-bench-'));
const stops = [() => rmSync(folder, { recursive: true, force: true })];

const INITIALIZE =
  '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}';

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

try {
  await run();
} finally {
  for (const stop of stops.reverse()) await stop();
}

async function run() {
  const lean = await startNode([LEAN]);
  const floor = await startNode([join(HERE, 'floor-proxy.mjs'), lean.url]);
  const many = Object.fromEntries(
    Array.from({ length: 10 }, (_, i) => [
      `many${i}`,
      { command: process.execPath, args: [LEAN, '--transport', 'stdio', '--tools', '100'] },
    ]),
  );
  const pipe = { command: process.execPath, args: [LEAN, '--transport', 'stdio'] };
  const ours = await startServices({ lean: { type: 'http', url: lean.url }, pipe, ...many }, folder);
  stops.push(() => ours.stop());
  const redisUrl = process.env.REDIS_URL;
  const floorRouter = await startNode([join(HERE, 'floor-bus.mjs'), 'router', redisUrl, lean.url]);
  const floorGateway = await startNode([join(HERE, 'floor-bus.mjs'), 'gateway', redisUrl]);
  const floorPids = () => [floorGateway.child.pid, floorRouter.child.pid, ours.redisPid()];

  const own = async (name, path, tool) => {
    const target = { name, url: ours.url + path, headers: ours.headers, call: toolCall(tool), pids: ours.pids };
    return { ...target, session: await openSession(target) };
  };
  const plain = { headers: {}, call: toolCall('echo'), session: '' };
  const peers = values['no-peers'] ? [] : await startPeers(lean.url, folder);
  stops.push(() => peers.forEach(({ stop }) => stop()));
  const targets = [
    { ...plain, name: 'direct', url: lean.url, pids: () => [lean.child.pid] },
    { ...plain, name: 'do-nothing proxy', url: floor.url, pids: () => [floor.child.pid] },
    { ...plain, name: 'do-nothing, over Redis', url: floorGateway.url, pids: floorPids },
    await own('/mcp/{slug}, HTTP', '/mcp/lean', 'echo'),
    await own('/mcp, HTTP', '/mcp', 'lean__echo'),
    await own('/mcp/{slug}, stdio', '/mcp/pipe', 'echo'),
    ...peers,
  ];
  console.log(
    `${cpus().length} cores, Node ${process.version}, medians of ${values.rounds} rounds of ${values.seconds} s\n`,
  );
  const calls = await measureCalls(targets);
  printCalls(targets, calls);

  const list = await measureList(ours);
  const sessions = await measureSessions(ours);
  const big = await measureBig(ours);
  const idle = ours.rss();
  console.table({
    'tools/list of 1,000 tools, p50 ms': list.toFixed(2),
    '1,000 sessions opened in, s': sessions.seconds.toFixed(2),
    'memory of a session, kB': sessions.kilobytes.toFixed(1),
    'a result of 10 MB, s': big.toFixed(2),
    'RSS of gateway + router after all this, MB': (idle / 1e6).toFixed(0),
  });
  printVerdict(calls, { list, sessions, big }, peers);
}

async function startNode(args) {
  const started = await start(process.execPath, args);
  stops.push(() => started.child.kill());
  return started;
}

async function measureCalls(targets) {
  const results = new Map();
  // A process that has just started runs code that is not compiled yet.
  for (const target of targets) await load(target, 16, 3_000);
  for (const concurrency of [1, 16, 64]) {
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const target of targets) {
        const key = `${target.name} ${concurrency}`;
        results.set(key, [...(results.get(key) ?? []), await load(target, concurrency, DURATION_MS)]);
      }
    }
  }
  return (name, concurrency, figure) => median(results.get(`${name} ${concurrency}`).map((result) => result[figure]));
}

function printCalls(targets, calls) {
  for (const concurrency of [1, 16, 64]) {
    console.log(`${concurrency} in flight`);
    const floor = calls('do-nothing proxy', concurrency, 'perSecond');
    const floorCpu = calls('do-nothing proxy', concurrency, 'cpuMsPerCall');
    const rows = targets.map(({ name }) => {
      const figure = (which) => calls(name, concurrency, which);
      const cpu = figure('cpuMsPerCall');
      return [
        name,
        {
          'calls/s': Math.round(figure('perSecond')),
          '× proxy': (figure('perSecond') / floor).toFixed(2),
          p50: figure('p50').toFixed(2),
          p95: figure('p95').toFixed(2),
          p99: figure('p99').toFixed(2),
          'CPU ms/call': cpu.toFixed(3),
          'CPU × proxy': (cpu / floorCpu).toFixed(2),
        },
      ];
    });
    console.table(Object.fromEntries(rows));
  }
}

async function client(ours, path = '/mcp') {
  const target = { url: ours.url + path, headers: ours.headers };
  const session = await openSession(target);
  const http = new HttpClient(target.url, target.headers);
  await http.open();
  return { ask: (body) => http.post(body, session), close: () => http.close() };
}

/** Median time of `tools/list` on the aggregate, in milliseconds. */
async function measureList(ours) {
  const { ask, close } = await client(ours);
  const times = [];
  for (let i = 0; i < 60; i++) {
    const startedAt = performance.now();
    const { status, body } = await ask(`{"jsonrpc":"2.0","id":${i},"method":"tools/list"}`);
    times.push(performance.now() - startedAt);
    const { tools } = JSON.parse(body).result;
    if (status !== 200 || tools.length < 1000) throw new Error(`only ${tools.length} tools`);
  }
  close();
  return median(times);
}

/** Opens 1,000 sessions, 16 at a time. */
async function measureSessions(ours) {
  const target = { url: `${ours.url}/mcp/lean`, headers: ours.headers };
  const openAll = async (count) => {
    let left = count;
    await Promise.all(Array.from({ length: 16 }, () => openSome(target, () => left-- > 0)));
  };
  await openAll(1000);
  const before = ours.rss();
  const startedAt = performance.now();
  await openAll(1000);
  return { seconds: (performance.now() - startedAt) / 1000, kilobytes: Math.max(0, ours.rss() - before) / 1000 / 1000 };
}

async function openSome(target, more) {
  const http = new HttpClient(target.url, target.headers);
  await http.open();
  while (more()) {
    const { head } = await http.post(INITIALIZE);
    const id = /\r\nmcp-session-id: *(\S+)/i.exec(head)[1];
    await http.post('{"jsonrpc":"2.0","method":"notifications/initialized"}', `mcp-session-id: ${id}\r\n`);
  }
  http.close();
}

/** Seconds until a result of 10 MB is here, median of five. */
async function measureBig(ours) {
  const { ask, close } = await client(ours, '/mcp/lean');
  const times = [];
  for (let i = 0; i < 5; i++) {
    const startedAt = performance.now();
    const { body } = await ask(
      `{"jsonrpc":"2.0","id":${i},"method":"tools/call","params":{"name":"big","arguments":{"bytes":10000000}}}`,
    );
    times.push((performance.now() - startedAt) / 1000);
    if (body.length < 10_000_000) throw new Error(`only ${body.length} characters: ${body.slice(0, 200)}`);
  }
  close();
  return median(times);
}

function printVerdict(calls, { list, sessions, big }, peers) {
  const slug = '/mcp/{slug}, HTTP';
  const per = (name, concurrency) => calls(name, concurrency, 'perSecond');
  const nodePeers = peers.filter(({ name }) => !name.includes('Go')).map(({ name }) => per(name, 16));
  const rows = [
    ['calls/s at 16, × proxy', per(slug, 16) / per('do-nothing proxy', 16), 0.3, 0.5],
    ['calls/s at 64, × proxy', per(slug, 64) / per('do-nothing proxy', 64), 0.3, 0.5],
    ...(nodePeers.length > 0
      ? [['calls/s at 16, × fastest Node peer', per(slug, 16) / Math.max(...nodePeers), 3, 5]]
      : []),
    [
      'CPU per call at 16, × proxy',
      calls(slug, 16, 'cpuMsPerCall') / calls('do-nothing proxy', 16, 'cpuMsPerCall'),
      5.5,
      3,
    ],
    ['added p50 at 1, ms', calls(slug, 1, 'p50') - calls('direct', 1, 'p50'), 0.35, 0.2],
    ['p99 at 16, ms', calls(slug, 16, 'p99'), 10, 5],
    ['tools/list of 1,000, p50 ms', list, 4, 2.5],
    ['1,000 sessions, s', sessions.seconds, 1, 0.5],
    ['memory of a session, kB', sessions.kilobytes, 20, 8],
    ['10 MB, s', big, 0.5, 0.2],
  ];
  const better = (value, bound, aim) => (aim > bound ? value >= aim : value <= aim);
  console.table(
    Object.fromEntries(
      rows.map(([what, value, bound, aim]) => {
        const reached = better(value, bound, aim)
          ? 'aim'
          : (aim > bound ? value >= bound : value <= bound)
            ? 'at least'
            : 'missed';
        return [what, { measured: value.toFixed(2), 'at least': bound, aim, reached }];
      }),
    ),
  );
}
