/*
 * `npm run bench -- discovery [seconds of steady state, 60] [model|events|router|thousand]`: the service against doubles that speak the real protocols.
 * A thousand fake MCP servers run in a process of their own; what is measured is the discovery process alone.
 */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { Client } from 'pg';
import { container, fakeDocker } from '../apps/discovery/src/testing/fake-docker';
import { fakeKube, service, slice } from '../apps/discovery/src/testing/fake-kube';
import { fakeMcp, fakeSse, legacy, legacySession, modern } from '../apps/discovery/src/testing/fake-mcp';
import { anySequence, runSequence } from '../apps/discovery/src/testing/discovery-model';

const SERVERS = 1000;
const EVENTS = 200;
const EDITS = 40;
const SEQUENCES = 10_000;
const KEY = 'discovery-bench-admin-key';
const TICKS_PER_SECOND = 100;
const ROOT = process.cwd();
const steadySeconds = Number(process.argv[2] ?? 60);
const only = process.argv[3];

const rows: { measured: string; figure: string; asked: string }[] = [];
const note = (measured: string, figure: string, asked: string) => {
  rows.push({ measured, figure, asked });
  console.log(`${measured}: ${figure}`);
};
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const children = new Set<ChildProcess>();
const folder = mkdtempSync(join(tmpdir(), 'bench-discovery-'));

/** Starts an app from its bundle and waits until it is ready. */
async function start(app: string, env: Record<string, string> = {}): Promise<ChildProcess> {
  // As the launcher and the image start it.
  const flags = ['--enable-source-maps', '--max-semi-space-size=8'];
  const child = spawn(process.execPath, [...flags, join(ROOT, `dist/apps/${app}/main.mjs`)], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...process.env, LOG_LEVEL: 'fatal', OUTBOUND_ALLOW: 'loopback', MCPR_DATA_DIR: folder, ...env },
  });
  children.add(child);
  await new Promise<void>((resolve, reject) => {
    child.on('message', (message: { type?: string }) => message.type === 'ready' && resolve());
    child.once('exit', (code) => reject(new Error(`${app} ended with ${code}`)));
  });
  return child;
}

async function stop(child: ChildProcess): Promise<void> {
  children.delete(child);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}

const cpuSeconds = ({ pid }: ChildProcess) => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
};
const rssMb = ({ pid }: ChildProcess) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;

function quantile(values: number[], q: number): string {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]!.toFixed(1);
}
const p = (values: number[]) => `p50 ${quantile(values, 0.5)} ms, p99 ${quantile(values, 0.99)} ms`;

/** In a process of its own: half of them of the modern era, half legacy. */
async function serveFakes(): Promise<void> {
  const fakes = await Promise.all(Array.from({ length: SERVERS }, (_, i) => fakeMcp(i % 2 === 0 ? modern : legacy)));
  // What they were asked is of no interest here and would only grow.
  setInterval(() => fakes.forEach(({ asked, lines }) => ((asked.length = 0), (lines.length = 0))), 1000);
  process.send?.(fakes.map(({ url }) => url));
}

async function addSource(db: Client, name: string, type: string, settings: object): Promise<void> {
  await db.query(
    `INSERT INTO discovery.source (id, name, type, settings, policy, enabled) VALUES (gen_random_uuid(), $1, $2, $3, 'manual', true)`,
    [name, type, JSON.stringify(settings)],
  );
}

const count = async (db: Client, where: string): Promise<number> =>
  Number((await db.query(`SELECT count(*) FROM discovery.candidate WHERE ${where}`)).rows[0].count);

async function forget(db: Client): Promise<void> {
  await db.query(`DELETE FROM discovery.source; DELETE FROM discovery.candidate`);
}

/** Asks the database every 2 ms until it says so. */
async function untilRow(db: Client, sql: string, values: unknown[]): Promise<void> {
  while ((await db.query(sql, values)).rowCount === 0) await sleep(2);
}

async function thousandServers(db: Client): Promise<void> {
  const fakes = fork(process.argv[1]!, ['--fakes'], { execArgv: process.execArgv });
  children.add(fakes);
  const urls = await new Promise<string[]>((resolve) =>
    fakes.once('message', (message) => resolve(message as string[])),
  );
  await addSource(db, 'thousand', 'urls', { urls });
  const begun = performance.now();
  const app = await start('discovery', { PROBE_INTERVAL_SECONDS: '60', DISCOVER_CLIENT_CONFIGS: 'false' });
  const ready = performance.now();
  while ((await count(db, `health ->> 'state' = 'healthy'`)) < SERVERS) await sleep(50);
  const seconds = (performance.now() - ready) / 1000;
  const coldCpu = cpuSeconds(app);
  note(
    `cold probe of ${SERVERS} servers, lists and all`,
    `${seconds.toFixed(1)} s after ready (start ${((ready - begun) / 1000).toFixed(1)} s), ${coldCpu.toFixed(1)} s of CPU`,
    '<= 15 s',
  );
  const right = await count(db, `era IS NOT NULL AND counts ->> 'tools' = '2'`);
  const modernOnes = await count(db, `era = 'modern'`);
  note('their era and catalogue', `${right} of ${SERVERS} right, ${modernOnes} modern`, `${SERVERS}, ${SERVERS / 2}`);
  const cpuBefore = cpuSeconds(app);
  const from = Date.now();
  let most = 0;
  while (Date.now() - from < steadySeconds * 1000) {
    most = Math.max(most, rssMb(app));
    await sleep(500);
  }
  const share = (100 * (cpuSeconds(app) - cpuBefore)) / ((Date.now() - from) / 1000);
  const probed = await count(db, `last_probe_at > now() - interval '${steadySeconds} seconds'`);
  note(
    `${SERVERS} servers probed once a minute, ${steadySeconds} s`,
    `${share.toFixed(1)} % of a core, at most ${most.toFixed(0)} MB RSS (${probed} probed)`,
    '<= 20 %, <= 250 MB',
  );
  await stop(app);
  fakes.kill();
  children.delete(fakes);
  await forget(db);
}

async function events(db: Client): Promise<void> {
  const docker = await fakeDocker();
  const kube = await fakeKube();
  await addSource(db, 'docker', 'docker', { socket: docker.socket });
  await addSource(db, 'kubernetes', 'kubernetes', { kubeconfig: kube.kubeconfig });
  const app = await start('discovery', { DISCOVER_CLIENT_CONFIGS: 'false', PROBE_INTERVAL_SECONDS: '3600' });
  while (docker.listeners.size < 1 || kube.watches.size < 2) await sleep(5);
  const sql = `SELECT FROM discovery.candidate WHERE name = $1`;
  const dockerMs: number[] = [];
  const kubeMs: number[] = [];
  for (let i = 0; i < EVENTS; i++) {
    const begun = performance.now();
    docker.run({
      ...container(`c${i}`),
      NetworkSettings: { Networks: { bridge: { IPAddress: `127.1.${i >> 8}.${(i & 255) + 1}` } } },
    });
    await untilRow(db, sql, [`c${i}`]);
    dockerMs.push(performance.now() - begun);
    const kubeBegun = performance.now();
    kube.set('slices', slice(`k${i}`));
    kube.set('services', service(`k${i}`));
    await untilRow(db, sql, [`k${i}`]);
    kubeMs.push(performance.now() - kubeBegun);
  }
  note(`Docker event to candidate, ${EVENTS}`, p(dockerMs), '<= 100 ms');
  note(`Kubernetes event to candidate, ${EVENTS}`, p(kubeMs), '<= 100 ms');
  await stop(app);
  await docker.close();
  await kube.close();
  await forget(db);
}

/** Servers on stdio that behave in different ways when they are asked for their era. */
const STDIO: Record<string, { era: 'legacy' | 'modern'; program: string }> = (() => {
  const program = (body: string) => `
    const out = (m) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...m }) + '\\n');
    const caps = { tools: {} }, tools = [{ name: 'echo', inputSchema: { type: 'object' } }];
    const modern = ({ id, method }) => {
      if (method === 'server/discover') out({ id, result: { supportedVersions: ['2026-07-28'], capabilities: caps, serverInfo: { name: 'm', version: '1' } } });
      else if (method === 'tools/list') out({ id, result: { tools, ttlMs: 0, cacheScope: 'private', resultType: 'complete' } });
      else if (id !== undefined) out({ id, error: { code: -32601, message: 'no' } });
    };
    const legacy = ({ id, method }) => {
      if (method === 'initialize') out({ id, result: { protocolVersion: '2025-11-25', capabilities: caps, serverInfo: { name: 'l', version: '1' } } });
      else if (method === 'ping') out({ id, result: {} });
      else if (method === 'tools/list') out({ id, result: { tools } });
      else if (id !== undefined) out({ id, error: { code: -32601, message: 'no' } });
    };
    const on = (handle) => { let rest = ''; process.stdin.on('data', (d) => { const lines = (rest + d).split('\\n'); rest = lines.pop(); lines.forEach((l) => l && handle(JSON.parse(l))); }); process.stdin.on('end', () => process.exit()); };
    ${body}`;
  return {
    'stdio modern': { era: 'modern', program: program('on(modern)') },
    'stdio both eras': {
      era: 'modern',
      program: program(`on((m) => (m.method === 'initialize' ? legacy : modern)(m))`),
    },
    'stdio -32022 for an old revision': {
      era: 'modern',
      program: program(
        `on((m) => m.method === 'initialize' ? out({ id: m.id, error: { code: -32022, message: 'no', data: { supported: ['2026-07-28'] } } }) : modern(m))`,
      ),
    },
    'stdio legacy, -32601': { era: 'legacy', program: program('on(legacy)') },
    'stdio legacy, silent before initialize': {
      era: 'legacy',
      program: program(`let ready = false; on((m) => { ready ||= m.method === 'initialize'; if (ready) legacy(m); })`),
    },
    'stdio legacy, exits on an unknown first request': {
      era: 'legacy',
      program: program(
        `let ready = false; on((m) => { if (!ready && m.method !== 'initialize') process.exit(1); ready = true; legacy(m); })`,
      ),
    },
    'stdio legacy, prints a banner first': { era: 'legacy', program: program(`console.log('Welcome!'); on(legacy)`) },
    'stdio legacy, empty result for anything': {
      era: 'legacy',
      program: program(`on((m) => m.method === 'server/discover' ? out({ id: m.id, result: {} }) : legacy(m))`),
    },
  };
})();

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** What the router makes of each behaviour, and how long an edit of its file takes to be callable. */
async function router(): Promise<void> {
  const [httpModern, httpLegacy, httpSession, httpSse] = await Promise.all([
    fakeMcp((asked, response) => {
      if (asked.method !== 'tools/call') return modern(asked, response);
      const result = { content: [{ type: 'text', text: 'ok' }], resultType: 'complete' };
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ jsonrpc: '2.0', id: asked.id, result }));
    }),
    fakeMcp(legacy),
    fakeMcp(legacySession),
    fakeSse(),
  ]);
  const http = [
    { slug: 'http-modern', url: httpModern.url, era: 'modern' },
    { slug: 'http-legacy', url: httpLegacy.url, era: 'legacy' },
    { slug: 'http-session', url: httpSession.url, era: 'legacy' },
    { slug: 'http-sse', url: httpSse.url, era: 'legacy' },
  ];
  const stdio = Object.values(STDIO).map(({ era, program }, i) => ({ slug: `stdio-${i}`, era, program }));
  const config = join(folder, 'mcp-router.json');
  const entries: Record<string, object> = Object.fromEntries([
    ...http.map(({ slug, url }) => [slug, { url }] as const),
    ...stdio.map(({ slug, program }) => [slug, { command: process.execPath, args: ['-e', program] }] as const),
  ]);
  const write = (more: object = {}) => writeFileSync(config, JSON.stringify({ mcpServers: { ...entries, ...more } }));
  write();
  const port = await freePort();
  const env = { MCPR_CONFIG: config, PORT: String(port), ADMIN_KEY: KEY };
  const apps = [await start('router', env), await start('gateway', env)];
  const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
  const base = `http://127.0.0.1:${port}/api/v1`;
  const wrong: string[] = [];
  for (const { slug, era } of [...http, ...stdio]) {
    const until = Date.now() + 40_000;
    let seen: string | null = null;
    while (seen === null && Date.now() < until) {
      const answer = await fetch(`${base}/servers/${slug}`, { headers });
      seen = answer.ok ? (((await answer.json()) as { era: string | null }).era ?? null) : null;
      if (seen === null) await sleep(100);
    }
    if (seen !== era) wrong.push(`${slug} ${seen ?? 'unknown'} instead of ${era}`);
  }
  const total = http.length + stdio.length;
  note(
    `era of registered servers, ${stdio.length} stdio and ${http.length} HTTP behaviours`,
    `${total - wrong.length} of ${total} right${wrong.length > 0 ? ` (${wrong.join('; ')})` : ''}`,
    'all',
  );

  const editMs: number[] = [];
  for (let i = 0; i < EDITS; i++) {
    const begun = performance.now();
    write({ [`edit${i}`]: { url: httpModern.url } });
    const call = { method: 'POST', headers, body: '{"arguments":{}}' };
    while (!(await fetch(`${base}/tools/edit${i}__echo/call`, call)).ok) await sleep(5);
    editMs.push(performance.now() - begun);
  }
  note(`edit of mcp-router.json to callable, ${EDITS}`, p(editMs), 'p99 <= 500 ms');
  await Promise.all(apps.map(stop));
  await Promise.all([httpModern, httpLegacy, httpSession, httpSse].map((fake) => fake.close()));
}

function model(): void {
  const begun = performance.now();
  fc.assert(fc.property(anySequence, runSequence), { numRuns: SEQUENCES });
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  note(`${SEQUENCES} random sequences against the oracle`, `0 ghosts, 0 lost (${seconds} s)`, '0, 0');
}

async function main(): Promise<void> {
  const db = new Client({ connectionString: process.env['DATABASE_URL'] });
  await db.connect();
  try {
    // Once for the tables.
    await stop(await start('discovery', { DISCOVER_CLIENT_CONFIGS: 'false' }));
    const parts = { model, events, router, thousand: thousandServers };
    for (const [name, part] of Object.entries(parts)) if (only === undefined || only === name) await part(db);
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await db.end();
    rmSync(folder, { recursive: true, force: true });
    console.table(rows);
  }
}

if (process.argv[2] === '--fakes') void serveFakes();
else void main();
