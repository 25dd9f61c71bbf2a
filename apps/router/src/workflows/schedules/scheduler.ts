import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Bus, ENV, LOGGER, recordEvent } from '@mcp-router/platform';
import { AppError } from '@mcp-router/shared';
import type { Logger } from 'pino';
import { DataSource, type EntityManager } from 'typeorm';
import type { RouterEnv } from '../../config';
import { RunEngine } from '../engine/run-engine';
import { RunStore } from '../engine/run-store';
import { VersionStore } from '../version-store';
import { WorkflowsService, type Admission } from '../workflows.service';
import { nextTime } from './next-time';
import { ScheduleStore, type ScheduleRow } from './schedule-store';

/** A workflow that cannot be run at its time is tried again for so long: its servers may be starting. */
const PATIENCE_MS = 60_000;

/**
 * Starts the runs of `schedule.every`, `cron` and `after`. An occurrence and its run are one transaction on a locked
 * row, so each has exactly one run however many routers there are; nothing of it is in Redis.
 */
@Injectable()
export class Scheduler implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;
  private isStopping = false;
  private ticking: Promise<void> | undefined;

  constructor(
    private readonly database: DataSource,
    private readonly schedules: ScheduleStore,
    private readonly versions: VersionStore,
    private readonly workflows: WorkflowsService,
    private readonly runs: RunStore,
    private readonly engine: RunEngine,
    private readonly bus: Bus,
    @Inject(ENV) private readonly env: RouterEnv,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.again(0);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isStopping = true;
    clearTimeout(this.timer);
    await this.ticking;
  }

  private again(ms: number): void {
    if (this.isStopping) return;
    this.timer = setTimeout(() => {
      this.ticking = this.tick()
        .catch((error: unknown) => this.logger.error({ err: error }, 'schedules of workflows'))
        .then(() => this.schedules.untilNext().catch(() => undefined))
        // Another router may have published something meanwhile, so it never sleeps long.
        .then((next) => this.again(Math.max(50, Math.min(next ?? Infinity, this.env.WORKFLOW_SWEEP_MS))));
    }, ms);
  }

  /** Starts all that is due. */
  async tick(): Promise<void> {
    while (!this.isStopping && (await this.inTransaction((db) => this.rearm(db))));
    for (let left = 1_000; left > 0 && !this.isStopping; left--) {
      const started = await this.inTransaction((db) => this.startOne(db));
      if (started === undefined) return;
      if (started !== 'none') await this.engine.wake(started);
    }
  }

  private inTransaction<T>(work: (db: EntityManager) => Promise<T>): Promise<T> {
    return this.database.transaction(work);
  }

  /** The last run of an `after` has ended: the next one has a time. */
  private async rearm(db: EntityManager): Promise<boolean> {
    const row = await this.schedules.lockEnded(db);
    if (!row) return false;
    const { schedule } = await this.versions.workflow(row.version_id, db);
    const next = schedule ? nextTime(schedule, row.ended_at ?? row.now, row.since) : null;
    await this.schedules.advance(db, row, next, null);
    return next !== null;
  }

  /** @returns the run, `none` when the occurrence has none, undefined when nothing is due or can be done now */
  private async startOne(db: EntityManager): Promise<string | undefined> {
    const row = await this.schedules.lockDue(db);
    if (!row?.next_at) return undefined;
    const { schedule, document } = await this.versions.workflow(row.version_id, db);
    if (!schedule) return undefined;
    // Occurrences that were missed are made up for by this one run.
    const next = schedule.kind === 'after' ? null : nextTime(schedule, row.now, row.since);
    let admission: Admission;
    try {
      admission = await this.workflows.admit(document, row.principal);
    } catch (error) {
      if (row.now.getTime() - row.next_at.getTime() < PATIENCE_MS) return undefined;
      this.refuse(row, error);
      await this.schedules.advance(db, row, nextTime(schedule, row.now, row.since), null);
      return 'none';
    }
    const run = await this.runs.enqueue(db, {
      ...admission,
      input: {},
      idempotencyKey: `schedule ${admission.versionId} ${row.next_at.toISOString()}`,
    });
    await this.schedules.advance(db, row, next, run ?? null);
    return run ?? 'none';
  }

  private refuse({ namespace, name }: ScheduleRow, error: unknown): void {
    const { detail, errors } = AppError.from(error);
    recordEvent(this.bus, 'run.refused', {
      subject: `${namespace}/${name}`,
      data: { detail, ...(errors ? { errors } : {}) },
    });
  }
}
