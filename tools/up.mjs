// `npm start`: from a fresh checkout to a running router. Installs, brings up Postgres and Redis, builds, starts the five services, supervises.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { staleApps } from './build.mjs';
import { commandOf, parentOf, until } from './infra/processes.mjs';
import { ensureInstalled, requireNode } from './install.mjs';
import { tryLock } from './lock.mjs';
import { serverTable, welcome } from './up/banner.mjs';
import { ServiceLog } from './up/log.mjs';
import { Service } from './up/service.mjs';
import { baseUrl, readSettings, serviceEnv } from './up/settings.mjs';
import { APPS, MAIN_APPS, ROOT } from './workspace.mjs';

const READY_LIMIT_MS = 60_000;
/** How long the table of servers waits for servers that are still starting. */
const SETTLE_MS = 10_000;
const REVIVE_EVERY_MS = 1_000;
const REPEATED_SIGNAL_MS = 1_000;

/** Everything that has to be taken down again, and the one way to do it. */
class Launcher {
  services = [];
  /** The admin key that was made at this start, until it has been shown. */
  newKey;
  #stoppingSince;
  #isUrgent = false;

  /** Ends all, the door first to be told, the servers last. A second Ctrl-C does not wait for services that are slow to end. */
  stop(code) {
    if (this.#stoppingSince) {
      // npm passes on the Ctrl-C that the terminal has already sent to us.
      if (Date.now() - this.#stoppingSince > REPEATED_SIGNAL_MS) this.#isUrgent = true;
      return;
    }
    this.#stoppingSince = Date.now();
    // It is made once and stored hashed: not to show it now would be to lose it.
    if (this.newKey) console.log(`The admin key is ${this.newKey}`);
    void this.#takeDown().then(() => process.exit(code));
  }

  async #takeDown() {
    await Promise.all(this.services.map((service) => service.stop(() => this.#isUrgent)));
    await (await this.infra?.catch(() => undefined))?.stop();
    this.lock?.release();
  }

  get isStopping() {
    return this.#stoppingSince !== undefined;
  }
}

const launcher = new Launcher();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => launcher.stop(0));
process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);
stopWithParent();
await up().catch(fail);

function fail(error) {
  console.error(process.env.DEBUG ? error : (error.message ?? error));
  launcher.stop(1);
}

/** When npm is killed, nobody is left to press Ctrl-C. */
function stopWithParent() {
  if (!process.env.npm_lifecycle_event) return;
  const ancestry = () => {
    const isShell = /sh$/.test(commandOf(process.ppid) ?? ''); // npm runs scripts through one
    return `${process.ppid} ${isShell ? parentOf(process.ppid) : ''}`;
  };
  const before = ancestry();
  setInterval(() => ancestry() !== before && launcher.stop(0), 1_000).unref();
}

async function up() {
  const began = Date.now();
  requireNode();
  const settings = readSettings();
  mkdirSync(settings.folder, { recursive: true, mode: 0o711 });
  await claim(settings);
  await ensureInstalled();

  const { startInfra } = await import('./infra/index.mjs');
  launcher.infra = startInfra({ folder: settings.folder });
  const [infra] = await Promise.all([launcher.infra, buildIfStale()]);
  if (launcher.isStopping) return;
  reviveWhenDead(infra);

  const [router, gateway] = MAIN_APPS.map((app) => supervise(app, settings, infra));
  gateway.on('message', ({ type, key }) => type === 'admin-key' && (launcher.newKey = key));
  await ready([router, gateway]);
  if (launcher.isStopping) return;
  await ready(APPS.filter((app) => !MAIN_APPS.includes(app)).map((app) => supervise(app, settings, infra)));
  if (launcher.isStopping) return;

  console.log(`MCP Router is ready (${((Date.now() - began) / 1000).toFixed(1)} s).`);
  const { newKey } = launcher;
  launcher.newKey = undefined;
  console.log(welcome({ base: baseUrl(settings), key: settings.adminKey ?? newKey, keyIsNew: Boolean(newKey) }));
  const servers = await settledServers(gateway);
  if (servers && !launcher.isStopping)
    console.log(`${serverTable(servers)}\n\nCtrl-C stops everything. Logs: ${join(settings.folder, 'logs')}`);
}

/** Postgres or Redis may be killed, by a full memory say; the services reconnect by themselves. */
function reviveWhenDead(infra) {
  let turn;
  const look = async () => {
    const revived = await infra.revive();
    if (revived.length > 0) console.error(`Started again, as it had died: ${revived.join(', ')}`);
  };
  setInterval(() => {
    if (launcher.isStopping || turn) return;
    turn = look()
      .catch(fail)
      .finally(() => (turn = undefined));
  }, REVIVE_EVERY_MS).unref();
}

/** Builds in a process of its own: the bundler's 200 MB are not to stay with the launcher. */
async function buildIfStale() {
  if (staleApps().length === 0) return;
  const child = fork(join(ROOT, 'tools/build.mjs'), { stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error('The build failed.');
}

/** Refuses a data folder or a port that is taken, before anything is started. */
async function claim(settings) {
  const { folder, host, port } = settings;
  const lock = tryLock(join(folder, 'launcher.lock'), { url: baseUrl(settings) });
  if (lock.holder)
    throw new Error(
      `MCP Router already runs on the data folder ${folder} (pid ${lock.holder.pid}, ${lock.holder.url}).\n` +
        'Stop it first, or start this one on its own: PORT=4100 MCPR_DATA_DIR=.mcp-router-2 npm start',
    );
  launcher.lock = lock;
  await new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen({ port, host, exclusive: true }, () => probe.close(resolve));
  }).catch((error) => {
    throw new Error(
      `The gateway cannot listen on ${host}:${port} (${error.code}). Choose another with PORT=… npm start`,
    );
  });
}

function supervise(app, settings, infra) {
  const log = new ServiceLog(join(settings.folder, 'logs'), app, (line) => console.error(line));
  const service = new Service(app, { env: serviceEnv(app, settings, infra), log });
  service.on('restart', (delay, how) => console.error(`[${app}] ended (${how}); starts again in ${delay} ms`));
  service.on('draining', () => console.error(`[${app}] lets its calls in flight finish; Ctrl-C again ends it at once`));
  service.on('hopeless', (how) => {
    console.error(`[${app}] does not start (${how}). See ${log.file.path}`);
    launcher.stop(1);
  });
  service.start();
  launcher.services.push(service);
  return service;
}

async function ready(services) {
  const areReady = () => launcher.isStopping || services.every(({ isReady }) => isReady);
  if (await until(areReady, READY_LIMIT_MS, 10)) return;
  const late = services.filter(({ isReady }) => !isReady).map(({ name }) => name);
  throw new Error(`Not ready after ${READY_LIMIT_MS / 1000} s: ${late.join(', ')}. See the logs.`);
}

/** The gateway's list of servers, once none of them is starting any more. */
async function settledServers(gateway) {
  let servers;
  gateway.on('message', (message) => message?.type === 'servers' && (servers = message.servers));
  const settled = () => {
    gateway.send({ type: 'servers?' });
    return launcher.isStopping || servers?.every(({ state }) => state !== 'starting');
  };
  await until(settled, SETTLE_MS, 100);
  return servers;
}
