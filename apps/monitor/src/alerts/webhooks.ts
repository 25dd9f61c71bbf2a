import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Bus, ENV, LOGGER, openSecretBox, Outbound, reasonOf, recordEvent } from '@mcp-router/platform';
import {
  AppError,
  secretKeyRotated,
  type AlertRule,
  type NewNotifier,
  type Notifier,
  type NotifierChanges,
  type NotifierTest,
} from '@mcp-router/shared';
import { Queue, Worker, type Job } from 'bullmq';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { DataSource } from 'typeorm';
import { v7 as uuid } from 'uuid';
import type { z } from 'zod';
import type { MonitorEnv } from '../config';
import { signedHeaders } from './signature';

const QUEUE = 'webhooks';
/** Over ten minutes in all: 5 s, 10 s, 20 s, … */
const TRIES = 8;
const FIRST_DELAY_MS = 5_000;
const TIMEOUT_MS = 10_000;

/** How often what waits is looked for: what was written while Redis was away, or what a Redis without memory forgot. */
const LOOK_MS = 10_000;
const MAX_QUEUED = 500;

interface Delivery {
  /** Of the row that waits; jobs of an older release have none. */
  id?: string;
  notifier: string;
  body: string;
}

interface NotifierRow {
  name: string;
  url: string;
  /** Encrypted, unless an older release stored it. */
  secret: string;
  is_sealed: boolean;
  severities: string[];
  delivered: number;
  failed: number;
  last_delivery_at: Date | null;
  last_error: string | null;
  /** Of what can be changed. */
  version: number;
}

/**
 * Sends alerts to URLs, signed, again and again until they are taken; how that goes is kept with the notifier. What is to be
 * sent is a row; the queue in Redis only wakes it up, and may be away or forget.
 */
@Injectable()
export class Webhooks implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly outbound: Outbound;
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
    const sealAnew = () =>
      void this.sealAnew().catch((err: unknown) =>
        this.logger.error({ err }, 'secrets of notifiers were not encrypted anew'),
      );
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
    await this.outbound.close();
  }

  async list(): Promise<Notifier[]> {
    return (await this.rows()).map(toNotifier);
  }

  /** @throws AppError `url_refused`, `conflict` */
  async add({ name, url, secret, severities }: z.output<typeof NewNotifier>): Promise<Notifier> {
    await this.outbound.check(url);
    const box = await openSecretBox(this.env);
    const rows: NotifierRow[] = await this.database.query(
      `INSERT INTO monitor.notifier (name, url, secret, is_sealed, severities) VALUES ($1, $2, $3, true, $4)
       ON CONFLICT DO NOTHING RETURNING *`,
      [name, url, box.seal(secret, ownerOf(name)), severities],
    );
    if (!rows[0]) throw new AppError('conflict', `A notifier named "${name}" exists`);
    return toNotifier(rows[0]);
  }

  /** @throws AppError `not_found` */
  async get(name: string): Promise<Notifier> {
    return toNotifier(await this.row(name));
  }

  /**
   * Changes what is named; what waits is sent as it is then.
   *
   * @param ifMatch the version that was read
   * @throws AppError `not_found`, `url_refused`, `precondition_failed`
   */
  async change(name: string, { url, secret, severities }: NotifierChanges, ifMatch?: string): Promise<Notifier> {
    if (url !== undefined) await this.outbound.check(url);
    const sealed = secret === undefined ? null : (await openSecretBox(this.env)).seal(secret, ownerOf(name));
    const [[changed]]: [NotifierRow[], number] = await this.database.query(
      `UPDATE monitor.notifier SET version = version + 1, url = coalesce($2, url), secret = coalesce($3, secret),
              is_sealed = is_sealed OR $3::text IS NOT NULL, severities = coalesce($4, severities)
        WHERE name = $1 AND ($5::text IS NULL OR version::text = $5) RETURNING *`,
      [name, url ?? null, sealed, severities ?? null, ifMatch ?? null],
    );
    if (changed) return toNotifier(changed);
    await this.row(name);
    throw new AppError('precondition_failed', `"${name}" was changed in the meantime`, {
      hint: 'Read it again and repeat the change on what it is now',
    });
  }

  /**
   * Sends one delivery that looks like an alert and says that it is a test. It is tried once and does not count.
   *
   * @throws AppError `not_found`
   */
  async test(name: string): Promise<NotifierTest> {
    const notifier = await this.row(name);
    const description = `A test of the notifier "${name}"`;
    const now = new Date().toISOString();
    const alert = { labels: {}, severity: notifier.severities[0], value: 1, threshold: 0, state: 'firing', since: now };
    const body = JSON.stringify({ id: uuid(), test: true, rule: 'test', description, ...alert });
    const started = performance.now();
    const { status, error } = await this.post(notifier, body)
      .then((answered) => ({ status: answered, error: isTaken(answered) ? null : refusal(answered) }))
      .catch((reason: unknown) => ({ status: null, error: reasonOf(reason) }));
    return { ok: error === null, status, error, durationMs: performance.now() - started };
  }

  /** @throws AppError `not_found` */
  async remove(name: string): Promise<void> {
    const [gone]: [unknown[], number] = await this.database.query(
      `DELETE FROM monitor.notifier WHERE name = $1 RETURNING name`,
      [name],
    );
    if (gone.length === 0) throw unknown(name);
  }

  /** Sees to it that every notifier which wants its severity is sent an alert. Waits for Postgres alone. */
  async send({ name, description, severity }: AlertRule, alert: Record<string, unknown>): Promise<void> {
    const notifiers = (await this.rows()).filter(({ severities }) => severities.includes(severity));
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
    const notifier = (await this.rows()).find((row) => row.name === name);
    if (!notifier || (id !== undefined && !(await this.isWaiting(id)))) return;
    try {
      const status = await this.post(notifier, body);
      if (!isTaken(status)) throw new Error(refusal(status));
    } catch (error) {
      const reason = reasonOf(error);
      const isLast = job.attemptsMade + 1 >= TRIES;
      await this.database.query(`UPDATE monitor.notifier SET last_error = $2, failed = failed + $3 WHERE name = $1`, [
        name,
        reason,
        isLast ? 1 : 0,
      ]);
      if (isLast) await this.forget(id);
      if (isLast || job.attemptsMade === 0)
        recordEvent(this.bus, isLast ? 'notifier.gaveUp' : 'notifier.failed', {
          subject: name,
          data: { error: reason, tries: job.attemptsMade + 1 },
        });
      throw error;
    }
    await this.database.query(
      `UPDATE monitor.notifier SET delivered = delivered + 1, last_delivery_at = now(), last_error = NULL WHERE name = $1`,
      [name],
    );
    await this.forget(id);
  }

  private async isWaiting(id: string): Promise<boolean> {
    const rows: unknown[] = await this.database.query(`SELECT 1 FROM monitor.webhook_delivery WHERE id = $1`, [id]);
    return rows.length > 0;
  }

  private async forget(id: string | undefined): Promise<void> {
    if (id !== undefined) await this.database.query(`DELETE FROM monitor.webhook_delivery WHERE id = $1`, [id]);
  }

  /** @returns the status that the receiver answers @throws Error when it cannot be reached */
  private async post({ name, url, ...stored }: NotifierRow, body: string): Promise<number> {
    const secret = stored.is_sealed
      ? (await openSecretBox(this.env)).open(stored.secret, ownerOf(name))
      : stored.secret;
    const response = await this.outbound.fetch(url, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json', ...signedHeaders(body, secret) },
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await response.body?.cancel();
    return response.status;
  }

  /** Encrypts with the newest key what is encrypted with an older one, or not at all. */
  private async sealAnew(): Promise<void> {
    const box = await openSecretBox(this.env);
    for (const { name, secret, is_sealed: isSealed } of await this.rows()) {
      if (isSealed && box.isCurrent(secret)) continue;
      const plain = isSealed ? box.open(secret, ownerOf(name)) : secret;
      await this.database.query(
        `UPDATE monitor.notifier SET secret = $3, is_sealed = true WHERE name = $1 AND secret = $2`,
        [name, secret, box.seal(plain, ownerOf(name))],
      );
    }
  }

  /** @throws AppError `not_found` */
  private async row(name: string): Promise<NotifierRow> {
    const row = (await this.rows()).find((one) => one.name === name);
    if (!row) throw unknown(name);
    return row;
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

/** What a sealed secret belongs to. */
const ownerOf = (notifier: string): string => `notifier:${notifier}`;

const isTaken = (status: number): boolean => status >= 200 && status < 300;

const refusal = (status: number): string => `the receiver answered ${status}`;

const unknown = (name: string) => new AppError('not_found', `No notifier is called "${name}"`);

const toNotifier = ({ name, url, severities, delivered, failed, ...row }: NotifierRow): Notifier => ({
  name,
  url,
  severities,
  delivered,
  failed,
  lastDeliveryAt: row.last_delivery_at?.toISOString() ?? null,
  lastError: row.last_error,
  version: String(row.version),
});
