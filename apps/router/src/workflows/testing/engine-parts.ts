import type { Bus } from '@mcp-router/platform';
import type { RecordedEvent } from '@mcp-router/shared';
import { pino } from 'pino';
import type { DataSource } from 'typeorm';
import { RouterEnv } from '../../config';
import { MIGRATIONS } from '../../migrations';
import { SecretStore } from '../../secrets/secret-store';
import { ServerEntity } from '../../servers/server.entity';
import type { Committer } from '../engine/committer';
import { RunEngine } from '../engine/run-engine';
import { RunStore } from '../engine/run-store';
import type { Waker } from '../engine/waker';
import type { Performer } from '../functions/performer';
import { EventBoard } from '../schedules/event-board';
import { ScheduleStore } from '../schedules/schedule-store';
import { VersionStore } from '../version-store';

/** The router's database, for `openTestDatabase`. */
export const ROUTER_DATABASE = { schema: 'router', entities: [ServerEntity], migrations: MIGRATIONS };

export const SILENT = pino({ level: 'silent' });

/** Wakes nobody: as if Redis forgot everything at once. */
const SILENT_WAKER = {
  start: () => undefined,
  at: () => undefined,
  close: () => Promise.resolve(),
} as unknown as Waker;

/** The settings of a router that asks neither for a database nor for Redis of its own. */
export function routerEnv(settings: Record<string, string> = {}): RouterEnv {
  return RouterEnv.parse({ DATABASE_URL: 'postgres://unused', REDIS_URL: 'redis://unused', ...settings });
}

/** A bus with nobody else on it; `record` is given the events that are told to the monitor. */
export function lonelyBus(instanceId: string, record: (event: RecordedEvent) => void = () => undefined): Bus {
  return {
    instanceId,
    listen: () => () => undefined,
    broadcast: () => Promise.resolve(),
    record: (_stream: unknown, event: RecordedEvent) => record(event),
  } as unknown as Bus;
}

/** What a router keeps of workflows, on a real database. */
export class WorkflowStores {
  readonly runs: RunStore;
  readonly secrets: SecretStore;
  readonly schedules: ScheduleStore;

  constructor(
    readonly database: DataSource,
    readonly env: RouterEnv,
    readonly versions = new VersionStore(database),
  ) {
    this.runs = new RunStore(database);
    this.secrets = new SecretStore(database, env, SILENT);
    this.schedules = new ScheduleStore(database);
  }
}

interface EngineSurroundings {
  committer: Committer;
  performer: Performer;
  bus: Bus;
  waker?: Waker;
}

/** A run engine over the stores, and the board that brings it events. */
export function engineOver(
  { database, env, runs, versions, secrets, schedules }: WorkflowStores,
  { committer, performer, bus, waker = SILENT_WAKER }: EngineSurroundings,
): { engine: RunEngine; board: EventBoard } {
  const engine = new RunEngine(runs, committer, versions, performer, secrets, waker, bus, env, SILENT);
  return { engine, board: new EventBoard(database, schedules, versions, runs, engine, performer, SILENT) };
}
