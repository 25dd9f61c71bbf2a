import { Injectable } from '@nestjs/common';
import { AppError, type addSilence, type Silence, UUID_KEY } from '@mcp-router/shared';
import { DataSource } from 'typeorm';
import { v7 as uuid } from 'uuid';
import type { z } from 'zod';

const MAX_SILENCES = 1_000;
const KEPT_AFTER_END = '1 day';

interface SilenceRow {
  id: string;
  rule: string | null;
  labels: Record<string, string>;
  starts_at: Date;
  ends_at: Date;
  comment: string;
  created_by: string;
}

/** Silences, in Postgres. */
@Injectable()
export class SilencesStore {
  constructor(private readonly database: DataSource) {}

  /** Those that have not ended. */
  async list(now = new Date()): Promise<Silence[]> {
    const rows: SilenceRow[] = await this.database.query(
      `SELECT * FROM monitor.silence WHERE ends_at > $1 ORDER BY ends_at LIMIT ${MAX_SILENCES}`,
      [now],
    );
    return rows.map(toSilence);
  }

  /** @throws AppError `invalid_request` when it ends before it starts or has ended already, `limit_exceeded` */
  async add({ rule, labels, startsAt, endsAt, ...by }: z.output<typeof addSilence.input>): Promise<Silence> {
    const begins = startsAt === undefined ? new Date() : new Date(startsAt);
    const ends = new Date(endsAt);
    if (ends <= begins || ends.getTime() <= Date.now())
      throw new AppError('invalid_request', '"endsAt" must be later than "startsAt" and later than now');
    await this.database.query(`DELETE FROM monitor.silence WHERE ends_at < now() - interval '${KEPT_AFTER_END}'`);
    if ((await this.list()).length >= MAX_SILENCES)
      throw new AppError('limit_exceeded', `At most ${MAX_SILENCES} silences`);
    const rows: SilenceRow[] = await this.database.query(
      `INSERT INTO monitor.silence (id, rule, labels, starts_at, ends_at, comment, created_by)
       VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING *`,
      [uuid(), rule ?? null, labels, begins, ends, by.comment, by.createdBy],
    );
    return toSilence(rows[0] as SilenceRow);
  }

  /** Ends it now. @throws AppError `not_found` */
  async remove(id: string): Promise<void> {
    const [gone]: [unknown[], number] = UUID_KEY.test(id)
      ? await this.database.query(`DELETE FROM monitor.silence WHERE id = $1 RETURNING id`, [id])
      : [[], 0];
    if (gone.length === 0) throw new AppError('not_found', `No silence has the id "${id}"`);
  }
}

const toSilence = ({ starts_at, ends_at, created_by, ...row }: SilenceRow): Silence => ({
  ...row,
  startsAt: starts_at.toISOString(),
  endsAt: ends_at.toISOString(),
  createdBy: created_by,
});
