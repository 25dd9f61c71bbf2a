import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Bus, LOGGER } from '@mcp-router/platform';
import { readMetricsOf } from '@mcp-router/shared';
import type { Logger } from 'pino';
import { DataSource } from 'typeorm';
import { Leader } from '../storage/leader';
import { Deltas, type Reading } from './deltas';
import { MetricsStore } from './metrics.store';
import { bucketOf, FINEST } from './tier';

const SERVICES = ['gateway', 'router', 'discovery', 'monitor', 'analyzer'];
const MAINTENANCE_MS = 3_600_000;

/** Every ten seconds one replica reads what all instances measure and stores what changed. */
@Injectable()
export class Collector implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly leader: Leader;
  private deltas = new Deltas();
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private maintainedAt = 0;

  constructor(
    private readonly bus: Bus,
    private readonly store: MetricsStore,
    database: DataSource,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.leader = new Leader(database, 'metrics');
  }

  onApplicationBootstrap(): void {
    this.schedule();
  }

  async onApplicationShutdown(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    await this.running;
    await this.leader.resign();
  }

  private schedule(): void {
    const untilNext = FINEST.stepMs - (Date.now() % FINEST.stepMs);
    this.timer = setTimeout(() => {
      this.running = this.collect()
        .catch((err: unknown) => this.logger.warn({ err }, 'metrics were not stored'))
        .then(() => {
          if (this.timer) this.schedule();
        });
    }, untilNext).unref();
  }

  private async collect(): Promise<void> {
    if (!(await this.leader.leads())) {
      this.deltas = new Deltas();
      return;
    }
    if (Date.now() - this.maintainedAt > MAINTENANCE_MS) {
      await this.store.maintain();
      this.maintainedAt = Date.now();
    }
    // What is read now happened in the step that has just ended.
    const at = bucketOf(Date.now() - FINEST.stepMs / 2, FINEST.stepMs);
    await this.store.write(this.deltas.take(at, await this.readAll()));
    await this.store.rollUp();
  }

  private async readAll(): Promise<Reading[]> {
    const reads = SERVICES.flatMap((service) =>
      this.bus.instances(service).map(async (instance): Promise<Reading[]> => {
        try {
          return [{ service, instance, metrics: await this.bus.call(readMetricsOf(service), {}, { instance }) }];
        } catch {
          return []; // It is stopping or overloaded; its next reading has what this one lacks.
        }
      }),
    );
    return (await Promise.all(reads)).flat();
  }
}
