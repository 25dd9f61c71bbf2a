import { Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { Bus, ENV, RedisBusServer } from '@mcp-router/platform';
import type { Redis } from 'ioredis';
import { Catalogue } from '../catalogue/catalogue';
import { CatalogueFeed } from '../catalogue/catalogue-feed';
import { BuiltinModule } from '../builtin/builtin.module';
import type { RouterEnv } from '../config';
import { EventLog } from '../sessions/event-log';
import { SessionStore } from '../sessions/session-store';
import { Parking } from '../translation/parking';
import { CallRecorder } from '../calls/call-recorder';
import { Directory } from './directory';
import { Forwarder } from './forwarder';
import { LegacyDoor } from './legacy-door';
import { Listeners } from './listeners';
import { LinkOwners } from './link-owners';
import { LogLevels } from './log-levels';
import { McpRouter } from './mcp-router';
import { McpHandler } from './mcp.handler';
import { ModernDoor } from './modern-door';
import { SseDoor } from './sse-door';
import { Subscriptions } from './subscriptions';
import { TaskOwners } from './task-owners';
import { Tasks } from './tasks';
import { Quarantine } from '../quarantine/quarantine';
import { QuarantineModule } from '../quarantine/quarantine.module';
import { UpstreamsModule } from '../upstreams/upstreams.module';
import { VirtualServers } from '../virtual-servers/virtual-servers.service';
import { VirtualServersModule } from '../virtual-servers/virtual-servers.module';
import { Visibility } from './visibility';
import { Watcher } from './watcher';

/** All but the limits, which come from the environment. */
type McpRouterParts = ConstructorParameters<typeof McpRouter> extends [...infer Parts, unknown] ? Parts : never;

/** Sessions, routing and translation of MCP. Needs the `Catalogue` and a `Directory` of the registered servers. */
@Module({
  imports: [UpstreamsModule, VirtualServersModule, BuiltinModule, QuarantineModule],

  providers: [
    McpHandler,
    CallRecorder,
    Directory,
    LogLevels,
    Visibility,
    Subscriptions,
    {
      provide: EventLog,
      inject: [RedisBusServer, ENV],
      useFactory: (server: RedisBusServer, env: RouterEnv) =>
        new EventLog(server.unwrap<Redis>(), env.REDIS_PREFIX, {
          maxEvents: env.STREAM_MAX_EVENTS,
          ttlMs: env.STREAM_TTL_MS,
        }),
    },
    {
      provide: TaskOwners,
      inject: [RedisBusServer, ENV],
      useFactory: (server: RedisBusServer, env: RouterEnv) => new TaskOwners(server.unwrap<Redis>(), env.REDIS_PREFIX),
    },
    {
      provide: LinkOwners,
      inject: [RedisBusServer, ENV],
      useFactory: (server: RedisBusServer, env: RouterEnv) => new LinkOwners(server.unwrap<Redis>(), env.REDIS_PREFIX),
    },
    {
      provide: SessionStore,
      inject: [Bus, EventLog, ENV],
      useFactory: (bus: Bus, log: EventLog, env: RouterEnv) =>
        new SessionStore(bus.instanceId, log, { maxSessions: env.MAX_SESSIONS, idleMs: env.SESSION_IDLE_MS }),
    },
    {
      provide: Parking,
      inject: [Bus, ENV],
      useFactory: (bus: Bus, env: RouterEnv) =>
        new Parking(bus.instanceId, { ttlMs: env.INPUT_TTL_MS, maxParked: env.MAX_PARKED_CALLS }),
    },
    {
      provide: Forwarder,
      inject: [Parking, LogLevels, TaskOwners, LinkOwners],
      useFactory: (...parts: ConstructorParameters<typeof Forwarder>) => new Forwarder(...parts),
    },
    {
      provide: Tasks,
      inject: [Directory, TaskOwners, VirtualServers],
      useFactory: (...parts: ConstructorParameters<typeof Tasks>) => new Tasks(...parts),
    },
    {
      provide: McpRouter,
      inject: [
        ENV,
        Directory,
        Catalogue,
        Forwarder,
        CallRecorder,
        Tasks,
        Visibility,
        Quarantine,
        VirtualServers,
        CatalogueFeed,
        LinkOwners,
      ],
      useFactory: (env: RouterEnv, ...parts: McpRouterParts) =>
        new McpRouter(...parts, { pageSize: env.LIST_PAGE_SIZE, patienceMs: env.CONNECT_TIMEOUT_MS }),
    },
    {
      provide: Listeners,
      inject: [McpRouter, Subscriptions],
      useFactory: (router: McpRouter, subscriptions: Subscriptions) => new Listeners(router, subscriptions),
    },
    {
      provide: LegacyDoor,
      inject: [SessionStore, McpRouter, Subscriptions, LogLevels],
      useFactory: (...parts: ConstructorParameters<typeof LegacyDoor>) => new LegacyDoor(...parts),
    },
    {
      provide: ModernDoor,
      inject: [McpRouter, Listeners],
      useFactory: (router: McpRouter, listeners: Listeners) => new ModernDoor(router, listeners),
    },
    { provide: SseDoor, inject: [LegacyDoor], useFactory: (legacy: LegacyDoor) => new SseDoor(legacy) },
    {
      provide: Watcher,
      inject: [Directory, Catalogue, SessionStore, Listeners, Subscriptions, TaskOwners, VirtualServers, LogLevels],
      useFactory: (...parts: ConstructorParameters<typeof Watcher>) => new Watcher(...parts),
    },
  ],
  exports: [McpRouter, SessionStore],
})
export class McpModule implements OnApplicationShutdown {
  constructor(
    @Inject(Watcher) private readonly watcher: Watcher,
    @Inject(SessionStore) private readonly sessions: SessionStore,
    @Inject(Parking) private readonly parking: Parking,
    @Inject(Subscriptions) private readonly subscriptions: Subscriptions,
  ) {}

  onApplicationShutdown(): void {
    this.watcher.close();
    this.parking.close();
    this.sessions.close();
    this.subscriptions.close();
  }
}
