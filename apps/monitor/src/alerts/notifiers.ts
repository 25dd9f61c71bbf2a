import { Inject, Injectable } from '@nestjs/common';
import { ENV, openSecretBox, Outbound, reasonOf } from '@mcp-router/platform';
import {
  AppError,
  changedMeanwhile,
  type NewNotifier,
  type Notifier,
  type NotifierChanges,
  type NotifierTest,
} from '@mcp-router/shared';
import { DataSource } from 'typeorm';
import { v7 as uuid } from 'uuid';
import type { z } from 'zod';
import type { MonitorEnv } from '../config';
import { signedHeaders } from './signature';

const TIMEOUT_MS = 10_000;

export interface NotifierRow {
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

type Outcome = Pick<NotifierTest, 'status' | 'error'>;

/** Where alerts are sent: URLs with their secrets, and how it goes with them. */
@Injectable()
export class Notifiers {
  private readonly outbound: Outbound;

  constructor(
    @Inject(ENV) private readonly env: MonitorEnv,
    private readonly database: DataSource,
  ) {
    this.outbound = new Outbound({ allow: env.OUTBOUND_ALLOW });
  }

  close(): Promise<void> {
    return this.outbound.close();
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
    throw changedMeanwhile(name);
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
    const outcome = await this.post(notifier, body);
    return { ok: outcome.error === null, ...outcome, durationMs: performance.now() - started };
  }

  /** @throws AppError `not_found` */
  async remove(name: string): Promise<void> {
    const [gone]: [unknown[], number] = await this.database.query(
      `DELETE FROM monitor.notifier WHERE name = $1 RETURNING name`,
      [name],
    );
    if (gone.length === 0) throw unknown(name);
  }

  /** Sends one signed request. Whatever is wrong is the outcome; `error` is null when it was taken with a 2xx. */
  async post({ name, url, ...stored }: NotifierRow, body: string): Promise<Outcome> {
    try {
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
      const { ok, status } = response;
      return { status, error: ok ? null : `the receiver answered ${status}` };
    } catch (error) {
      return { status: null, error: reasonOf(error) };
    }
  }

  async noteTaken(name: string): Promise<void> {
    await this.database.query(
      `UPDATE monitor.notifier SET delivered = delivered + 1, last_delivery_at = now(), last_error = NULL WHERE name = $1`,
      [name],
    );
  }

  /** @param isLast whether it is not tried again */
  async noteFailed(name: string, error: string, isLast: boolean): Promise<void> {
    await this.database.query(`UPDATE monitor.notifier SET last_error = $2, failed = failed + $3 WHERE name = $1`, [
      name,
      error,
      isLast ? 1 : 0,
    ]);
  }

  /** Encrypts with the newest key what is encrypted with an older one, or not at all. */
  async sealAnew(): Promise<void> {
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
    const row = await this.find(name);
    if (!row) throw unknown(name);
    return row;
  }

  async find(name: string): Promise<NotifierRow | undefined> {
    const rows: NotifierRow[] = await this.database.query(`SELECT * FROM monitor.notifier WHERE name = $1`, [name]);
    return rows[0];
  }

  rows(): Promise<NotifierRow[]> {
    return this.database.query(`SELECT * FROM monitor.notifier ORDER BY name`);
  }
}

/** What a sealed secret belongs to. */
const ownerOf = (notifier: string): string => `notifier:${notifier}`;

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
