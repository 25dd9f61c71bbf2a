import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Bus, ENV, LOGGER, recordEvent } from '@mcp-router/platform';
import { secretKeyRotated, type AlertRule } from '@mcp-router/shared';
import { Queue, Worker, type Job } from 'bullmq';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { DataSource } from 'typeorm';
import { v7 as uuid } from 'uuid';
import type { MonitorEnv } from '../config';
import { Notifiers } from './notifiers';

const QUEUE = 'webhooks';
/** Over ten minutes in all: 5 s, 10 s, 20 s, … */
const TRIES = 8;
const FIRST_DELAY_MS = 5_000;

/** How often what waits is looked for: what was written while Redis was away, or what a Redis without memory forgot. */
const LOOK_MS = 10_000;
const MAX_QUEUED = 500;

interface Delivery {
  /** Of the row that waits; jobs of an older release have none. */
  id?: string;
  notifier: string;
  body: string;
}

/**
 * Sends alerts to URLs, signed, again and again until they are taken; how that goes is kept with the notifier. What is to be
 * sent is a row; the queue in Redis only wakes it up, and may be away or forget.
 */
@Injectable()
export class Webhooks implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly connections: Redis[] = [];
  private queue: Queue<Delivery> | undefined;
  private worker: Worker<Delivery> | undefined;
  private stopListening: (() => void) | undefined;
  private looking: NodeJS.Timeout | undefined;
  private queueing: Promise<void> | undefined;
  /** Something was written since the rows were read that are being put on the queue. */
  private isMore = false;

  constructor(
    private readonly bus: Bus,
    @Inject(ENV) private readonly env: MonitorEnv,
    private readonly database: DataSource,
    private readonly notifiers: Notifiers,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    const prefix = `${this.env.REDIS_PREFIX}bull`;
    this.queue = new Queue(QUEUE, { connection: this.connect(), prefix });
    this.worker = new Worker<Delivery>(QUEUE, (job) => this.deliver(job), {
      connection: this.connect(),
      prefix,
      concurrency: 4,
    });
    const note = (err: Error) => this.logger.debug({ err }, 'the queue of webhooks');
    this.queue.on('error', note);
    this.worker.on('error', note);
    const sealAnew = () =>
      void this.notifiers
        .sealAnew()
        .catch((err: unknown) => this.logger.error({ err }, 'secrets of notifiers were not encrypted anew'));
    this.looking = setInterval(() => this.queueWaiting(), LOOK_MS).unref();
    this.queueWaiting();
    this.stopListening = this.bus.listen(secretKeyRotated, sealAnew);
    sealAnew();
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopListening?.();
    clearInterval(this.looking);
    await this.worker?.close();
    await this.queue?.close();
    for (const connection of this.connections) connection.disconnect();
    await this.notifiers.close();
  }

  /** Sees to it that every notifier which wants its severity is sent an alert. Waits for Postgres alone. */
  async send({ name, description, severity }: AlertRule, alert: Record<string, unknown>): Promise<void> {
    const notifiers = (await this.notifiers.rows()).filter(({ severities }) => severities.includes(severity));
    for (const notifier of notifiers) {
      const id = uuid();
      await this.database.query(
        `INSERT INTO monitor.webhook_delivery (id, notifier, body)
         SELECT $1, name, $3 FROM monitor.notifier WHERE name = $2`,
        [id, notifier.name, JSON.stringify({ id, rule: name, description, ...alert })],
      );
    }
    if (notifiers.length > 0) this.queueWaiting();
  }

  /** Puts what waits on the queue, whenever Redis takes it; nobody waits for that. What is on it already stays one job. */
  private queueWaiting(): void {
    const { queue } = this;
    this.isMore = true;
    if (!queue || this.queueing) return;
    const putAll = async (): Promise<void> => {
      const rows: Required<Delivery>[] = await this.database.query(
        `SELECT id, notifier, body FROM monitor.webhook_delivery ORDER BY id LIMIT ${MAX_QUEUED}`,
      );
      await queue.addBulk(
        rows.map((row) => ({
          name: 'alert',
          data: row,
          opts: {
            jobId: row.id,
            attempts: TRIES,
            backoff: { type: 'exponential', delay: FIRST_DELAY_MS },
            removeOnComplete: true,
            removeOnFail: true,
          },
        })),
      );
    };
    const putUntilEmpty = async (): Promise<void> => {
      while (this.isMore) {
        this.isMore = false;
        await putAll();
      }
    };
    this.queueing = putUntilEmpty()
      .catch((err: unknown) => this.logger.debug({ err }, 'alerts wait for the queue of webhooks'))
      .finally(() => (this.queueing = undefined));
  }

  /** @throws Error when it was not taken and is to be tried again */
  private async deliver(job: Job<Delivery>): Promise<void> {
    const { id, notifier: name, body } = job.data;
    const notifier = await this.notifiers.find(name);
    if (!notifier || (id !== undefined && !(await this.isWaiting(id)))) return;
    const { error } = await this.notifiers.post(notifier, body);
    if (error !== null) {
      const isLast = job.attemptsMade + 1 >= TRIES;
      await this.notifiers.noteFailed(name, error, isLast);
      if (isLast) await this.forget(id);
      if (isLast || job.attemptsMade === 0)
        recordEvent(this.bus, isLast ? 'notifier.gaveUp' : 'notifier.failed', {
          subject: name,
          data: { error, tries: job.attemptsMade + 1 },
        });
      throw new Error(error);
    }
    await this.notifiers.noteTaken(name);
    await this.forget(id);
  }

  private async isWaiting(id: string): Promise<boolean> {
    const rows: unknown[] = await this.database.query(`SELECT 1 FROM monitor.webhook_delivery WHERE id = $1`, [id]);
    return rows.length > 0;
  }

  private async forget(id: string | undefined): Promise<void> {
    if (id !== undefined) await this.database.query(`DELETE FROM monitor.webhook_delivery WHERE id = $1`, [id]);
  }

  private connect(): Redis {
    const connection = new Redis(this.env.REDIS_URL, { maxRetriesPerRequest: null, enableReadyCheck: false });
    connection.on('error', () => undefined);
    this.connections.push(connection);
    return connection;
  }
}
