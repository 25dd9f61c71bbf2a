import { openTestDatabase } from '@mcp-router/platform/testing';
import { Outbound } from '@mcp-router/platform';
import { AppError, type Candidate, type NewServer, type Server } from '@mcp-router/shared';
import pino from 'pino';
import type { DataSource } from 'typeorm';
import { ApprovalService } from '../candidates/approval.service';
import { CandidatesStore } from '../candidates/candidates.store';
import { Keeper } from '../candidates/keeper';
import { Prober } from '../candidates/prober';
import { DiscoveryEnv } from '../config';
import { Leadership } from '../leadership';
import { MIGRATIONS } from '../migrations';
import { RegistrationsService } from '../registrations/registrations.service';
import { SourcesService } from '../sources/sources.service';
import { SourcesStore } from '../sources/sources.store';
import { FakeBus } from './fake-bus';

/** A router that keeps what is registered with it. */
export class FakeRouter {
  readonly servers = new Map<string, Server>();

  readonly answers = {
    'router.listServers': () => ({ items: [...this.servers.values()], nextCursor: null }),
    'router.addServer': ({ server, source }: { server: NewServer; source: 'rest' | 'discovery' }) => {
      if (this.servers.has(server.slug)) throw new AppError('conflict', `"${server.slug}" is taken`);
      const made = fakeServer({ ...server, source });
      this.servers.set(server.slug, made);
      return made;
    },
    'router.updateServer': ({ server, changes }: { server: string; changes: Partial<Server> }) => {
      const updated = { ...(this.servers.get(server) as Server), ...changes };
      this.servers.set(server, updated);
      return updated;
    },
    'router.removeServer': ({ server }: { server: string }) => {
      this.servers.delete(server);
      return {};
    },
  };
}

export function fakeServer({ slug, ...fields }: { slug: string; [field: string]: unknown }): Server {
  const {
    env: _env,
    headers: _headers,
    ...definition
  } = fields as Partial<Server> & { env?: unknown; headers?: unknown };
  return {
    id: `id-${slug}`,
    slug,
    type: 'http',
    source: 'rest',
    enabled: true,
    envNames: [],
    headerNames: [],
    isolation: 'shared',
    state: 'ready',
    lastError: null,
    nextRetryAt: null,
    era: null,
    protocolVersion: null,
    serverInfo: null,
    counts: { tools: 0, resources: 0, resourceTemplates: 0, prompts: 0 },
    instances: [],
    version: '1',
    createdAt: new Date().toISOString(),
    updatedAt: new Date().toISOString(),
    ...definition,
  };
}

/** One replica of the service, with everything but the bus and the router real. */
export function startReplica(
  database: DataSource,
  url: string,
  settings: Record<string, string> = {},
  router = new FakeRouter(),
) {
  const env = DiscoveryEnv.parse({
    DATABASE_URL: url,
    DISCOVER_CLIENT_CONFIGS: 'false',
    OUTBOUND_ALLOW: 'loopback',
    PROBE_TIMEOUT_MS: '1000',
    ...settings,
  });
  const log = pino({ level: 'silent' });
  const bus = new FakeBus({ ...router.answers });
  const outbound = new Outbound({ allow: env.OUTBOUND_ALLOW });
  const store = new CandidatesStore(database);
  const sourcesStore = new SourcesStore(database);
  const approvals = new ApprovalService(store, sourcesStore, bus, outbound, env, log);
  const keeper = new Keeper(store, approvals, bus, env, log);
  const leadership = new Leadership(bus, env, log);
  const sources = new SourcesService(sourcesStore, keeper, leadership, outbound, bus, env, log);
  const prober = new Prober(store, approvals, outbound, bus, env, log);
  const registrations = new RegistrationsService(keeper, sourcesStore, bus);
  return {
    bus,
    router,
    store,
    sources,
    sourcesStore,
    approvals,
    prober,
    keeper,
    leadership,
    registrations,
    async start() {
      await sources.onApplicationBootstrap();
      prober.onApplicationBootstrap();
    },
    async stop() {
      await prober.onApplicationShutdown();
      await sources.onApplicationShutdown();
      await outbound.close();
    },
    candidates: (): Promise<Candidate[]> => store.list('00000000-0000-0000-0000-000000000000', 1000, {}),
    /** Types of the events told so far. */
    events: () => bus.records.map(({ payload }) => (payload as { type: string }).type),
  };
}

export type Replica = ReturnType<typeof startReplica>;

export const openDiscoveryDatabase = () =>
  openTestDatabase({ schema: 'discovery', entities: [], migrations: MIGRATIONS });
