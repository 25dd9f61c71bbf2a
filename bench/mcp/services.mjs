import { execFileSync, fork } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from './peers.mjs';
import { rssBytes, treeOf } from './processes.mjs';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');
const KEY = 'benchmark-key-0123456789abcdef';

/** Starts gateway, router and monitor as processes of their own, with authentication and the call log on. */
export async function startServices(mcpServers, folder) {
  const config = join(folder, 'mcp-router.json');
  writeFileSync(config, JSON.stringify({ mcpServers }));
  const port = await freePort();
  const env = {
    ...process.env,
    NODE_ENV: 'production',
    LOG_LEVEL: 'warn',
    MCPR_CONFIG: config,
    MCPR_DATA_DIR: join(folder, 'data'),
    ADMIN_KEY: KEY,
    PORT: String(port),
  };
  const children = {};
  for (const app of ['router', 'monitor', 'gateway']) {
    const child = fork(join(ROOT, 'dist/apps', app, 'main.mjs'), {
      cwd: ROOT,
      env,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      // As the launcher starts them.
      execArgv: [
        '--enable-source-maps',
        '--max-semi-space-size=8',
        '--no-allocation-site-pretenuring',
        '--heap-growing-percent=100',
      ],
    });
    children[app] = child;
    await new Promise((resolve, reject) => {
      child.on('message', ({ type }) => type === 'ready' && resolve());
      child.once('exit', (code) => reject(new Error(`${app} ended with ${code}`)));
    });
  }
  const url = `http://127.0.0.1:${port}`;
  const headers = { authorization: `Bearer ${KEY}` };
  await untilReady(url, headers, Object.keys(mcpServers));
  // Upstream servers are children of the router and do not count: they would be there without it.
  const pids = () => [children.gateway.pid, children.router.pid, redisPid()];
  return {
    url,
    headers,
    pids,
    redisPid,
    pidOf: (app) => children[app].pid,
    rss: () => rssBytes([children.gateway.pid, children.router.pid]),
    rssOf: (app) => rssBytes([children[app].pid]),
    all: () => Object.values(children).flatMap(({ pid }) => treeOf(pid)),
    async stop() {
      await Promise.all(
        Object.values(children).map(
          (child) => child.exitCode ?? new Promise((resolve) => child.once('exit', resolve) && child.kill('SIGTERM')),
        ),
      );
    },
  };
}

async function untilReady(url, headers, slugs) {
  for (let tries = 0; tries < 300; tries++) {
    const response = await fetch(`${url}/api/v1/servers?limit=100`, { headers });
    const { items = [] } = await response.json();
    const ready = items.filter(
      ({ slug, state, counts }) => slugs.includes(slug) && state === 'ready' && counts.tools > 0,
    );
    if (ready.length === slugs.length) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('the servers did not become ready');
}

let redis;

/** The process that listens on the port of REDIS_URL. */
function redisPid() {
  redis ??= Number(
    execFileSync('pgrep', ['-f', `redis-server.*:${new URL(process.env.REDIS_URL).port}`], { encoding: 'utf8' }).split(
      '\n',
    )[0],
  );
  return redis;
}
