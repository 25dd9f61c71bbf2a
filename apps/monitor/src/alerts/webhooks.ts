import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { ENV, LOGGER, Outbound } from '@mcp-router/platform';
import { AppError, type AlertRule, type NewNotifier, type Notifier } from '@mcp-router/shared';
import { Queue, Worker, type Job } from 'bullmq';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { DataSource } from 'typeorm';
import { v7 as uuid } from 'uuid';
import type { z } from 'zod';
import type { MonitorEnv } from '../config';
import { signedHeaders } from './signature';

const QUEUE = 'webhooks';
/** About a quarter of an hour in all: 5 s, 10 s, 20 s, … */
const TRIES = 8;
const FIRST_DELAY_MS = 5_000;
const TIMEOUT_MS = 10_000;

interface Delivery {
  notifier: string;
  body: string;
}

interface NotifierRow {
  name: string;
  url: string;
  secret: string;
  severities: string[];
  delivered: number;
  failed: number;
  last_delivery_at: Date | null;
  last_error: string | null;
}

/** Sends alerts to URLs, signed, again and again until they are taken; how that goes is kept with the notifier. */
@Injectable()
export class Webhooks implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly outbound: Outbound;
  private readonly connections: Redis[] = [];
  private queue: Queue<Delivery> | undefined;
  private worker: Worker<Delivery> | undefined;

  constructor(
    @Inject(ENV) private readonly env: MonitorEnv,
    private readonly database: DataSource,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.outbound = new Outbound({ allow: env.OUTBOUND_ALLOW });
  }

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
  }

  async onApplicationShutdown(): Promise<void> {
    await this.worker?.close();
    await this.queue?.close();
    for (const connection of this.connections) connection.disconnect();
    await this.outbound.close();
  }

  async list(): Promise<Notifier[]> {
    return (await this.rows()).map(toNotifier);
  }

  /** @throws AppError `url_refused`, `conflict` */
  async add({ name, url, secret, severities }: z.output<typeof NewNotifier>): Promise<Notifier> {
    await this.outbound.check(url);
    const rows: NotifierRow[] = await this.database.query(
      `INSERT INTO monitor.notifier (name, url, secret, severities) VALUES ($1, $2, $3, $4)
       ON CONFLICT DO NOTHING RETURNING *`,
      [name, url, secret, severities],
    );
    if (!rows[0]) throw new AppError('conflict', `A notifier named "${name}" exists`);
    return toNotifier(rows[0]);
  }

  /** @throws AppError `not_found` */
  async remove(name: string): Promise<void> {
    const [gone]: [unknown[], number] = await this.database.query(
      `DELETE FROM monitor.notifier WHERE name = $1 RETURNING name`,
      [name],
    );
    if (gone.length === 0) throw new AppError('not_found', `No notifier is called "${name}"`);
  }

  /** Queues an alert for every notifier that wants its severity. */
  async send({ name, description, severity }: AlertRule, alert: Record<string, unknown>): Promise<void> {
    const notifiers = (await this.rows()).filter(({ severities }) => severities.includes(severity));
    for (const notifier of notifiers) {
      const body = JSON.stringify({ id: uuid(), rule: name, description, ...alert });
      await this.queue?.add(
        'alert',
        { notifier: notifier.name, body },
        {
          attempts: TRIES,
          backoff: { type: 'exponential', delay: FIRST_DELAY_MS },
          removeOnComplete: true,
          removeOnFail: 1000,
        },
      );
    }
  }

  private async deliver(job: Job<Delivery>): Promise<void> {
    const { notifier: name, body } = job.data;
    const notifier = (await this.rows()).find((row) => row.name === name);
    if (!notifier) return;
    try {
      await this.post(notifier, body);
    } catch (error) {
      const isLast = job.attemptsMade + 1 >= TRIES;
      await this.database.query(`UPDATE monitor.notifier SET last_error = $2, failed = failed + $3 WHERE name = $1`, [
        name,
        (error as Error).message.slice(0, 500),
        isLast ? 1 : 0,
      ]);
      throw error;
    }
    await this.database.query(
      `UPDATE monitor.notifier SET delivered = delivered + 1, last_delivery_at = now(), last_error = NULL WHERE name = $1`,
      [name],
    );
  }

  /** @throws Error when it is not taken with a 2xx */
  private async post({ url, secret }: NotifierRow, body: string): Promise<void> {
    const response = await this.outbound.fetch(url, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json', ...signedHeaders(body, secret) },
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`the receiver answered ${response.status}`);
  }

  private rows(): Promise<NotifierRow[]> {
    return this.database.query(`SELECT * FROM monitor.notifier ORDER BY name`);
  }

  private connect(): Redis {
    const connection = new Redis(this.env.REDIS_URL, { maxRetriesPerRequest: null, enableReadyCheck: false });
    connection.on('error', () => undefined);
    this.connections.push(connection);
    return connection;
  }
}

const toNotifier = ({ name, url, severities, delivered, failed, ...row }: NotifierRow): Notifier => ({
  name,
  url,
  severities,
  delivered,
  failed,
  lastDeliveryAt: row.last_delivery_at?.toISOString() ?? null,
  lastError: row.last_error,
});
