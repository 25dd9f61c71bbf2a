import { Injectable } from '@nestjs/common';
import type { Principal } from '@mcp-router/shared';
import { DataSource, type EntityManager } from 'typeorm';
import type { JsonObject } from '../definition/json';
import type { Schedule, Workflow } from '../definition/workflow';
import { nextTime } from './next-time';

export interface ScheduleRow {
  namespace: string;
  name: string;
  version_id: string;
  kind: Schedule['kind'];
  principal: Principal;
  since: Date;
  next_at: Date | null;
  last_run: string | null;
  gathered: JsonObject | null;
  is_enabled: boolean;
  /** The clock of the database, which all routers share. */
  now: Date;
}

const COLUMNS = `s.namespace, s.name, s.version_id, s.kind, s.principal, s.since, s.next_at, s.last_run, s.gathered,
  s.is_enabled, clock_timestamp() AS now`;

/** What starts by itself: for each workflow the schedule of the version that was published last, if it has one. */
@Injectable()
export class ScheduleStore {
  constructor(private readonly database: DataSource) {}

  /** A version was published: its schedule takes the place of the one before. Runs are those of the one who published. */
  async follow(
    db: EntityManager,
    version: { id: string },
    { schedule, document }: Workflow,
    principal: Principal,
  ): Promise<void> {
    const { namespace, name } = document;
    if (!schedule) {
      await db.query(`DELETE FROM router.workflow_schedule WHERE namespace = $1 AND name = $2`, [namespace, name]);
      return;
    }
    const [clock] = await db.query<{ now: Date }[]>(`SELECT clock_timestamp() AS now`);
    const now = clock?.now ?? new Date();
    await db.query(
      `INSERT INTO router.workflow_schedule (namespace, name, version_id, kind, principal, since, next_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7)
       ON CONFLICT (namespace, name) DO UPDATE SET version_id = excluded.version_id, kind = excluded.kind,
         principal = excluded.principal, since = excluded.since, next_at = excluded.next_at, last_run = NULL,
         gathered = NULL`,
      [namespace, name, version.id, schedule.kind, JSON.stringify(principal), now, nextTime(schedule, now, now)],
    );
  }

  /** One that is due, locked until the transaction ends; nobody else gets it meanwhile. */
  async lockDue(db: EntityManager): Promise<ScheduleRow | undefined> {
    const [row] = await db.query<ScheduleRow[]>(
      `SELECT ${COLUMNS} FROM router.workflow_schedule s WHERE s.is_enabled AND s.next_at <= clock_timestamp()
        ORDER BY s.next_at LIMIT 1 FOR UPDATE SKIP LOCKED`,
    );
    return row;
  }

  /** One that waits for the end of its last run, which has come. */
  async lockEnded(db: EntityManager): Promise<(ScheduleRow & { ended_at: Date | null }) | undefined> {
    const [row] = await db.query<(ScheduleRow & { ended_at: Date | null })[]>(
      `SELECT ${COLUMNS}, r.ended_at FROM router.workflow_schedule s
         LEFT JOIN router.workflow_run r ON r.id = s.last_run
        WHERE s.kind = 'after' AND s.next_at IS NULL AND (r.id IS NULL OR r.ended_at IS NOT NULL)
        LIMIT 1 FOR UPDATE OF s SKIP LOCKED`,
    );
    return row;
  }

  async lock(db: EntityManager, { namespace, name }: ScheduleRow): Promise<ScheduleRow | undefined> {
    const [row] = await db.query<ScheduleRow[]>(
      `SELECT ${COLUMNS} FROM router.workflow_schedule s WHERE s.namespace = $1 AND s.name = $2 FOR UPDATE`,
      [namespace, name],
    );
    return row;
  }

  /** Those that events start. */
  onEvents(db: EntityManager): Promise<ScheduleRow[]> {
    return db.query<ScheduleRow[]>(
      `SELECT ${COLUMNS} FROM router.workflow_schedule s WHERE s.kind = 'on' AND s.is_enabled ORDER BY 1, 2`,
    );
  }

  async advance(db: EntityManager, row: ScheduleRow, nextAt: Date | null, runId: string | null): Promise<void> {
    await db.query(
      `UPDATE router.workflow_schedule SET next_at = $3, last_run = coalesce($4, last_run)
        WHERE namespace = $1 AND name = $2`,
      [row.namespace, row.name, nextAt, runId],
    );
  }

  async gather(db: EntityManager, row: ScheduleRow, gathered: JsonObject | null): Promise<void> {
    await db.query(`UPDATE router.workflow_schedule SET gathered = $3 WHERE namespace = $1 AND name = $2`, [
      row.namespace,
      row.name,
      gathered === null ? null : JSON.stringify(gathered),
    ]);
  }

  /** Milliseconds until the next one is due; undefined when none is. */
  async untilNext(): Promise<number | undefined> {
    const [row] = await this.database.query<{ ms: number | null }[]>(
      `SELECT (extract(epoch FROM min(next_at) - clock_timestamp()) * 1000)::float8 AS ms
         FROM router.workflow_schedule WHERE is_enabled`,
    );
    return row?.ms ?? undefined;
  }

  async find(namespace: string, name: string): Promise<ScheduleRow | undefined> {
    const [row] = await this.database.query<ScheduleRow[]>(
      `SELECT ${COLUMNS} FROM router.workflow_schedule s WHERE s.namespace = $1 AND s.name = $2`,
      [namespace, name],
    );
    return row;
  }

  /** Switches it off, or on again; occurrences in between are not made up for. @returns false when there is none */
  async enable(row: ScheduleRow, isEnabled: boolean, nextAt: Date | null): Promise<void> {
    await this.database.query(
      `UPDATE router.workflow_schedule SET is_enabled = $3, next_at = $4, gathered = NULL
        WHERE namespace = $1 AND name = $2`,
      [row.namespace, row.name, isEnabled, nextAt],
    );
  }
}
