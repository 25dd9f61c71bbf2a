import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closedAfterwards } from '../libs/platform/src/testing/left-open';
import { freePort } from './system/free-port';
import { startRoundRobin } from './system/round-robin';
import { Service } from './system/service';
import { createStores } from './system/stores';

type App = 'gateway' | 'router' | 'discovery' | 'monitor' | 'analyzer';

export interface SystemOptions {
  /** Replicas; more than one gateway stands behind a plain round-robin. */
  gateways?: number;
  routers?: number;
  /** Replicas of the others; 0 leaves an app out. */
  discovery?: number;
  monitor?: number;
  analyzer?: number;
  /** What `mcp-router.json` says; no servers by default. */
  config?: object;
  /** Environment of every service, on top of what the harness sets. */
  env?: Record<string, string>;
  /** Callers without a key are let in as the agent `anonymous`. On by default: the conformance suites cannot send one. */
  anonymous?: boolean;
}

interface ServerView {
  state?: string;
  counts?: Record<string, number>;
}

const POLL_MS = 50;
const OFFERS_NOTHING_MS = 2_000;

export interface ApiReply<T = unknown> {
  status: number;
  headers: Headers;
  body: T;
}

export interface System {
  /** `http://localhost:PORT` of the one gateway, or of the round-robin before several. */
  url: string;
  /** The admin key. */
  key: string;
  gateways: Service[];
  routers: Service[];
  /** Every process, in the order of start. */
  services: Service[];
  /** The configuration file, and a way to write it anew. */
  configFile: string;
  writeConfig(config: object): Promise<void>;
  /** REST with the admin key: `api('POST', '/api/v1/servers', {…})`. */
  api<T = unknown>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<ApiReply<T>>;
  /** Registers a server and waits until its catalogue is there. */
  addServer(server: { slug: string } & Record<string, unknown>): Promise<void>;
  /** Waits until a registered server is `ready` and its lists are read. @throws Error with its state when that takes too long */
  untilReady(slug: string, withinMs?: number): Promise<void>;
  /** Kills with -9 and starts again, all at once: what a power cut does. */
  restart(): Promise<void>;
  /** Ports of gateways that the balancer sends nothing new. */
  resting: Set<number>;
  /** Ends every service and removes the database, the keys and the files. */
  stop(): Promise<void>;
}

/**
 * Starts the built services as processes of their own on free ports, with a database and Redis keys of their own.
 * Call `stop` in `afterAll`; services end by themselves when the test process dies.
 */
export async function startSystem(options: SystemOptions = {}): Promise<System> {
  const { config = { mcpServers: {} }, anonymous = true } = options;
  const stores = await createStores();
  const folder = await mkdtemp(join(tmpdir(), 'mcp-router-e2e-'));
  const configFile = join(folder, 'mcp-router.json');
  const writeConfig = (content: object) => writeFile(configFile, JSON.stringify(content, null, 2));
  await writeConfig(config);

  const key = `e2e-${randomBytes(16).toString('hex')}`;
  const common: Record<string, string> = {
    ...inherited('PATH', 'HOME', 'LD_LIBRARY_PATH', 'TMPDIR'),
    NODE_ENV: 'test',
    LOG_LEVEL: 'info',
    DATABASE_URL: stores.DATABASE_URL,
    REDIS_URL: stores.REDIS_URL,
    REDIS_PREFIX: stores.REDIS_PREFIX,
    MCPR_DATA_DIR: join(folder, 'data'),
    MCPR_CONFIG: configFile,
    ADMIN_KEY: key,
    ANONYMOUS_ACCESS: String(anonymous),
    MCPR_SECRET_KEY: randomBytes(16).toString('hex'),
    // Upstreams of tests listen on loopback, which REST may not name without this.
    OUTBOUND_ALLOW: 'loopback',
    ...options.env,
  };
  const counts: Record<App, number> = {
    gateway: options.gateways ?? 1,
    router: options.routers ?? 1,
    discovery: options.discovery ?? 1,
    monitor: options.monitor ?? 1,
    analyzer: options.analyzer ?? 1,
  };
  const ports = await Promise.all(Array.from({ length: counts.gateway }, freePort));
  const gateways = ports.map(
    (port) => new Service('gateway', { ...common, PORT: String(port) }, `http://localhost:${port}`),
  );
  const replicas = (app: App) => Array.from({ length: counts[app] }, () => new Service(app, common));
  const routers = replicas('router');
  const services = [...routers, ...replicas('discovery'), ...replicas('monitor'), ...replicas('analyzer'), ...gateways];
  const balancer = ports.length > 1 ? await startRoundRobin(ports) : undefined;

  const stop = closedAfterwards(async () => {
    await Promise.all(services.map((service) => service.stop()));
    await balancer?.close();
    await stores.drop();
    await rm(folder, { recursive: true, force: true });
  });
  try {
    await Promise.all(services.map((service) => service.start()));
  } catch (error) {
    await stop();
    throw error;
  }

  const url = `http://localhost:${balancer?.port ?? ports[0]}`;
  const api = async <T>(method: string, path: string, body?: unknown, headers?: Record<string, string>) => {
    const response = await fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') === true && text !== '';
    return { status: response.status, headers: response.headers, body: (isJson ? JSON.parse(text) : text) as T };
  };
  const untilReady: System['untilReady'] = async (slug, withinMs = 90_000) => {
    let last: ApiReply<ServerView> | undefined;
    let readySince = Infinity;
    const isThere = async () => {
      last = await api<ServerView>('GET', `/api/v1/servers/${slug}`);
      const { state, counts = {} } = last.body;
      if (state !== 'ready') return false;
      readySince = Math.min(readySince, Date.now());
      // Its lists are read right after it is ready; a server that offers nothing is believed after a while.
      return Object.values(counts).some((count) => count > 0) || Date.now() - readySince > OFFERS_NOTHING_MS;
    };
    await eventually(isThere, withinMs, () => `server "${slug}" did not become ready: ${JSON.stringify(last?.body)}`);
  };
  return {
    url,
    key,
    gateways,
    routers,
    services,
    configFile,
    writeConfig,
    api,
    untilReady,
    async addServer(server) {
      const reply = await api('POST', '/api/v1/servers', server);
      if (reply.status >= 300) throw new Error(`POST /api/v1/servers: ${reply.status} ${JSON.stringify(reply.body)}`);
      await untilReady(server.slug);
    },
    resting: balancer?.resting ?? new Set(),
    async restart() {
      await Promise.all(services.map((service) => service.restart('SIGKILL')));
    },
    stop,
  };
}

/** Asks again and again until the answer is yes. @throws Error with `reason` when it takes longer than `withinMs` */
export async function eventually(
  condition: () => Promise<boolean> | boolean,
  withinMs = 60_000,
  reason: () => string = () => 'it did not happen in time',
): Promise<void> {
  const until = Date.now() + withinMs;
  while (!(await condition())) {
    if (Date.now() > until) throw new Error(reason());
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/**
 * For what is to happen within so many milliseconds: asks as often as fits into them, so that on a machine where every
 * question takes longer the answer may take longer too.
 */
export async function promptly(
  condition: () => Promise<boolean> | boolean,
  withinMs: number,
  reason: () => string = () => `it did not happen within ${withinMs} ms`,
): Promise<void> {
  for (let tries = Math.ceil(withinMs / POLL_MS); !(await condition()); tries--) {
    if (tries <= 0) throw new Error(reason());
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function inherited(...names: string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
}
