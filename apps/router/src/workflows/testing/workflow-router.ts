import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SYSTEM_PRINCIPAL, type Principal, type RecordedEvent } from '@mcp-router/shared';
import type { DataSource } from 'typeorm';
import { v7 } from 'uuid';
import { Catalogue } from '../../catalogue/catalogue';
import type { SecretStore } from '../../secrets/secret-store';
import type { UpstreamRegistry } from '../../upstreams/upstream-registry';
import type { Json, JsonObject } from '../definition/json';
import { Committer } from '../engine/committer';
import type { Effect } from '../engine/host';
import type { RunEngine } from '../engine/run-engine';
import type { RunRow, RunStore } from '../engine/run-store';
import { Performer } from '../functions/performer';
import { RunsService } from '../runs.service';
import type { EventBoard } from '../schedules/event-board';
import type { ScheduleStore } from '../schedules/schedule-store';
import { Scheduler } from '../schedules/scheduler';
import { WorkflowsService } from '../workflows.service';
import { engineOver, lonelyBus, routerEnv, SILENT, WorkflowStores } from './engine-parts';

export interface WorkflowDatabase {
  database: DataSource;
  /** Where the key of the secrets is. */
  folder: string;
  close(): Promise<void>;
}

/** @param opened a database with the schema of `ROUTER_DATABASE` */
export function workflowDatabase({
  database,
  close,
}: {
  database: DataSource;
  close: () => Promise<void>;
}): WorkflowDatabase {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-router-workflows-'));
  return {
    database,
    folder,
    close: async () => {
      await close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The workflows of one router over a real database, without a bus, queue or servers: what calls do a test says. */
export class WorkflowRouter {
  readonly store: RunStore;
  readonly engine: RunEngine;
  readonly secrets: SecretStore;
  readonly schedules: ScheduleStore;
  readonly scheduler: Scheduler;
  readonly board: EventBoard;
  readonly workflows: WorkflowsService;
  readonly runs: RunsService;
  readonly catalogue = new Catalogue();
  /** What was told to the monitor. */
  readonly recorded: RecordedEvent[] = [];

  constructor(
    { database, folder }: WorkflowDatabase,
    perform: (effect: Effect, router: WorkflowRouter, run: RunRow, path: string) => Json | Promise<Json> = () => null,
    settings: Record<string, string> = {},
  ) {
    const quick = { WORKFLOW_SWEEP_MS: '100', WORKFLOW_LEASE_MS: '1000' };
    const env = routerEnv({ MCPR_DATA_DIR: folder, ...quick, ...settings });
    const bus = lonelyBus(v7(), (event) => this.recorded.push(event));
    const upstreams = { get: () => ({ state: 'ready' }) } as unknown as UpstreamRegistry;
    const stores = new WorkflowStores(database, env);
    const { runs, versions, secrets, schedules } = stores;
    this.store = runs;
    this.secrets = secrets;
    this.schedules = schedules;
    this.workflows = new WorkflowsService(bus, versions, this.catalogue, upstreams, secrets, schedules, env);
    const performer = new Performer(undefined as never, this.catalogue, this.workflows, upstreams, env);
    const own = performer.perform.bind(performer);
    performer.isRepeatable = () => true;
    performer.perform = async (effect, context, run) =>
      effect.kind === 'call' ? perform(effect, this, run, context.path) : own(effect, context, run);
    const { engine, board } = engineOver(stores, { committer: new Committer(database, SILENT), performer, bus });
    this.engine = engine;
    this.board = board;
    this.runs = new RunsService(this.workflows, this.engine, this.store, env);
    this.scheduler = new Scheduler(database, schedules, versions, this.workflows, runs, engine, bus, env, SILENT);
  }

  async start(): Promise<this> {
    await this.engine.onApplicationBootstrap();
    this.scheduler.onApplicationBootstrap();
    return this;
  }

  async stop(): Promise<void> {
    await this.scheduler.beforeApplicationShutdown();
    await this.engine.beforeApplicationShutdown();
    await this.board.beforeApplicationShutdown();
  }

  /** Saves and publishes. */
  async publish(
    name: string,
    tasks: JsonObject[],
    rest: JsonObject = {},
    version = '1.0.0',
    principal: Principal = SYSTEM_PRINCIPAL,
  ): Promise<void> {
    const document = { dsl: '1.0.3', namespace: 'test', name, version };
    await this.workflows.save({ document, do: tasks, ...rest }, principal);
    await this.workflows.publish({ namespace: 'test', name, version }, principal);
  }

  async run(name: string, input: Json = {}): Promise<string> {
    const request = { namespace: 'test', name, version: 'latest', input, waitMs: 0 };
    const { id } = await this.runs.start(request, SYSTEM_PRINCIPAL, new AbortController().signal);
    return id;
  }

  async runsOf(name: string): Promise<RunRow[]> {
    return this.store.list({ name, limit: 100 });
  }

  /** Waits until a run is in a state. */
  async until(id: string, state: RunRow['state']): Promise<RunRow> {
    for (const end = Date.now() + 60_000; ;) {
      const row = await this.store.find(id);
      if (row?.state === state) return row;
      if (Date.now() > end) throw new Error(`The run is ${row?.state ?? 'gone'}: ${JSON.stringify(row?.error)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
