import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Bus, LOGGER } from '@mcp-router/platform';
import { readMetricsOf } from '@mcp-router/shared';
import type { Logger } from 'pino';
import { DataSource } from 'typeorm';
import { LeaderTask } from '../storage/leader-task';
import { Deltas, type Reading } from './deltas';
import { MetricsStore } from './metrics.store';
import { bucketOf, FINEST } from './tier';

const SERVICES = ['gateway', 'router', 'discovery', 'monitor', 'analyzer'];
const MAINTENANCE_MS = 3_600_000;

/** Every ten seconds one replica reads what all instances measure and stores what changed. */
@Injectable()
export class Collector implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly task: LeaderTask;
  private deltas = new Deltas();
  /** Start of the latest step that was stored. */
  private lastAt = 0;
  private maintainedAt = 0;

  constructor(
    private readonly bus: Bus,
    private readonly store: MetricsStore,
    database: DataSource,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.task = new LeaderTask(database, 'metrics', {
      everyMs: FINEST.stepMs,
      lead: () => this.collect(),
      follow: () => {
        this.deltas = new Deltas();
      },
      onFailure: (err) => this.logger.warn({ err }, 'metrics were not stored'),
    });
  }

  onApplicationBootstrap(): void {
    this.task.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.task.stop();
  }

  /**
   * Stores what happened since the last time; after a failure the next time stores that too.
   *
   * @param now epoch milliseconds, soon after the end of a step
   */
  async collect(now = Date.now()): Promise<void> {
    // What is read now happened in the step that has just ended.
    const at = bucketOf(now - FINEST.stepMs / 2, FINEST.stepMs);
    const points = this.deltas.take(at, await this.readAll());
    try {
      // A clock that was set back comes to times that have their points already.
      if (at > this.lastAt) await this.store.write(points);
      else await this.store.add(points);
    } catch (error) {
      this.deltas.undo();
      throw error;
    }
    this.lastAt = Math.max(at, this.lastAt);
    await this.store.rollUp();
    await this.maintain(now).catch((err: unknown) => this.logger.warn({ err }, 'stored metrics were not maintained'));
  }

  /** After storing: nothing waits for it, and what retention drops is rolled up. */
  private async maintain(now: number): Promise<void> {
    if (Math.abs(now - this.maintainedAt) <= MAINTENANCE_MS) return;
    await this.store.maintain();
    this.maintainedAt = now;
  }

  private async readAll(): Promise<Reading[]> {
    const reads = SERVICES.flatMap((service) =>
      this.bus.instances(service).map(async (instance): Promise<Reading> => {
        // One that is stopping or overloaded does not answer.
        const metrics = await this.bus.call(readMetricsOf(service), {}, { instance }).catch(() => undefined);
        return { service, instance, metrics };
      }),
    );
    return Promise.all(reads);
  }
}
