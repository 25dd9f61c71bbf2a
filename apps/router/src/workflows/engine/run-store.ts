import { Injectable } from '@nestjs/common';
import { currentContext } from '@mcp-router/platform';
import { AppError, type Principal } from '@mcp-router/shared';
import { DataSource, type EntityManager } from 'typeorm';
import { v7 } from 'uuid';
import type { Json, JsonObject } from '../definition/json';
import type { EventBody, RunEvent, WorkflowError } from './event';
import type { Signal, StoredSignal } from './signal';

export type RunState =
  | 'pending'
  | 'running'
  | 'waiting'
  | 'suspended'
  | 'needs_attention'
  | 'cancelling'
  | 'completed'
  | 'faulted'
  | 'cancelled';

export interface RunRow {
  id: string;
  version_id: string;
  namespace: string;
  name: string;
  version: string;
  state: RunState;
  epoch: number;
  principal: Principal;
  input: Json;
  output: Json;
  error: WorkflowError | null;
  parent_run: string | null;
  parent_path: string | null;
  /** Of the request that started the run. */
  traceparent: string | null;
  next_wake_at: Date | null;
  created_at: Date;
  updated_at: Date;
  ended_at: Date | null;
}

export interface NewRun {
  versionId: string;
  namespace: string;
  name: string;
  version: string;
  principal: Principal;
  input: Json;
  idempotencyKey?: string | undefined;
  requestHash?: string | undefined;
  parent?: { run: string; path: string } | undefined;
}

/** What happened to a run, and what it was told since. */
export interface RunHistory {
  events: RunEvent[];
  signals: StoredSignal[];
}

export const NO_HISTORY: Readonly<RunHistory> = { events: [], signals: [] };

interface EventRow {
  seq: number;
  at: Date;
  type: string;
  path: string | null;
  data: unknown;
}

interface SignalRow {
  id: string;
  body: Signal;
  created_at: Date;
}

const COLUMNS = `id, traceparent, version_id, namespace, name, version, state, epoch, principal, input, output, error, parent_run,
  parent_path, next_wake_at, created_at, updated_at, ended_at`;

/** Runs and their histories in Postgres. Histories are written by the `Committer` alone. */
@Injectable()
export class RunStore {
  constructor(private readonly database: DataSource) {}

  /**
   * Stores a run that this process owns from its first moment; or gives the one that was started with the same key.
   */
  async insert(
    run: NewRun,
    owner: string,
    leaseMs: number,
  ): Promise<{ row: RunRow; isNew: boolean; hash: string | null }> {
    const rows = await this.query<RunRow>(
      `INSERT INTO router.workflow_run (id, version_id, namespace, name, version, state, epoch, owner, lease_until,
         next_wake_at, idempotency_key, request_hash, started_by, principal, input, parent_run, parent_path,
         traceparent)
       SELECT $1, $2, $3, $4, $5, 'running', 1, $6, now() + $7 * interval '1 ms', now(), $8, $9, $10, $11::json,
         $12::json, $13::uuid, $14, $15
        WHERE $13::uuid IS NULL OR EXISTS (SELECT 1 FROM router.workflow_run p
          WHERE p.id = $13::uuid AND p.ended_at IS NULL AND p.state <> 'cancelling' FOR SHARE)
       ON CONFLICT DO NOTHING RETURNING ${COLUMNS}`,
      [
        v7(),
        run.versionId,
        run.namespace,
        run.name,
        run.version,
        owner,
        leaseMs,
        run.idempotencyKey ?? null,
        run.requestHash ?? null,
        run.principal.agentId,
        JSON.stringify(run.principal),
        JSON.stringify(run.input),
        run.parent?.run ?? null,
        run.parent?.path ?? null,
        currentContext()?.traceparent ?? null,
      ],
    );
    if (rows[0]) return { row: rows[0], isNew: true, hash: run.requestHash ?? null };
    const [known] = await this.query<RunRow & { request_hash: string | null }>(
      `SELECT ${COLUMNS}, request_hash FROM router.workflow_run
        WHERE (started_by = $1 AND idempotency_key = $2) OR (parent_run = $3 AND parent_path = $4)`,
      [run.principal.agentId, run.idempotencyKey ?? null, run.parent?.run ?? null, run.parent?.path ?? null],
    );
    if (!known) throw new AppError('conflict', 'The run that this one belongs to is being cancelled');
    return { row: known, isNew: false, hash: known.request_hash };
  }

  /** Stores a run with a history that it takes over from another one. */
  async fork(run: NewRun, events: readonly RunEvent[]): Promise<string | undefined> {
    return this.database.transaction(async (db) => {
      const id = await this.enqueue(db, run);
      if (id === undefined || events.length === 0) return id;
      await db.query(
        `INSERT INTO router.workflow_event (run_id, seq, epoch, at, type, path, data)
         SELECT $1, e.seq, 0, e.at, e.type, e.path, e.data
           FROM unnest($2::int[], $3::timestamptz[], $4::text[], $5::text[], $6::json[]) AS e (seq, at, type, path, data)`,
        [
          id,
          events.map(({ seq }) => seq),
          events.map(({ at }) => new Date(at)),
          events.map(({ type }) => type),
          events.map((event) => ('path' in event ? event.path : null)),
          events.map((event) => ('data' in event ? JSON.stringify(event.data) : null)),
        ],
      );
      return id;
    });
  }

  /** Stores a run that nobody owns yet, as part of a transaction. @returns its id, undefined when the key was used */
  async enqueue(db: EntityManager, run: NewRun): Promise<string | undefined> {
    const [row] = await db.query<{ id: string }[]>(
      `INSERT INTO router.workflow_run (id, version_id, namespace, name, version, state, next_wake_at, idempotency_key,
         started_by, principal, input, request_hash, traceparent)
       VALUES ($1, $2, $3, $4, $5, 'pending', now(), $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING RETURNING id`,
      [
        v7(),
        run.versionId,
        run.namespace,
        run.name,
        run.version,
        run.idempotencyKey ?? null,
        run.principal.agentId,
        JSON.stringify(run.principal),
        JSON.stringify(run.input),
        run.requestHash ?? null,
        currentContext()?.traceparent ?? null,
      ],
    );
    return row?.id;
  }

  /** Tells the runs that a run started, and that go on, to end. @returns their ids */
  async cancelChildren(parentId: string): Promise<string[]> {
    const body: Signal = { kind: 'cancel' };
    const rows = await this.query<{ run_id: string }>(
      `INSERT INTO router.workflow_signal (id, run_id, body)
       SELECT gen_random_uuid(), c.id, $2 FROM router.workflow_run c WHERE c.parent_run = $1 AND c.ended_at IS NULL
       RETURNING run_id`,
      [parentId, JSON.stringify(body)],
    );
    return rows.map(({ run_id }) => run_id);
  }

  /** Remembers an event. @returns false when it came before */
  async note(db: EntityManager, source: string, id: string): Promise<boolean> {
    const rows = await db.query<unknown[]>(
      `INSERT INTO router.workflow_cloud_event (source, id) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING id`,
      [source, id],
    );
    return rows.length > 0;
  }

  /** Takes a run over, when nobody owns it and it has not ended. */
  async acquire(id: string, owner: string, leaseMs: number): Promise<RunRow | undefined> {
    const [row] = await this.take(`id = $3`, [id], owner, leaseMs);
    return row;
  }

  /** Takes over runs that are due: their time has come, they were told something, or their owner is gone. */
  acquireDue(limit: number, owner: string, leaseMs: number): Promise<RunRow[]> {
    return this.take(
      `id IN (SELECT id FROM router.workflow_run
         WHERE id IN (SELECT id FROM router.workflow_run WHERE ended_at IS NULL AND next_wake_at <= now()
                      UNION ALL SELECT run_id FROM router.workflow_signal)
           AND ended_at IS NULL AND (lease_until IS NULL OR lease_until < now()) LIMIT $3 FOR UPDATE SKIP LOCKED)`,
      [limit],
      owner,
      leaseMs,
    );
  }

  private async take(which: string, values: unknown[], owner: string, leaseMs: number): Promise<RunRow[]> {
    const [rows] = await this.database.query<[RunRow[], number]>(
      `UPDATE router.workflow_run SET epoch = epoch + 1, owner = $1, lease_until = now() + $2 * interval '1 ms',
         next_wake_at = now()
       WHERE ${which} AND ended_at IS NULL AND (lease_until IS NULL OR lease_until < now()) RETURNING ${COLUMNS}`,
      [owner, leaseMs, ...values],
    );
    return rows;
  }

  /** @returns the runs that are still owned */
  async renew(runs: readonly { id: string; epoch: number }[], leaseMs: number): Promise<Set<string>> {
    const [rows] = await this.database.query<[{ id: string }[], number]>(
      `UPDATE router.workflow_run r SET lease_until = now() + $3 * interval '1 ms'
         FROM unnest($1::uuid[], $2::int[]) AS mine (id, epoch) WHERE r.id = mine.id AND r.epoch = mine.epoch RETURNING r.id`,
      [runs.map(({ id }) => id), runs.map(({ epoch }) => epoch), leaseMs],
    );
    return new Set(rows.map(({ id }) => id));
  }

  /** Those of an owner's runs that were told something. */
  async signalled(owner: string): Promise<string[]> {
    const rows = await this.query<{ id: string }>(
      `SELECT DISTINCT r.id FROM router.workflow_signal s JOIN router.workflow_run r ON r.id = s.run_id WHERE r.owner = $1`,
      [owner],
    );
    return rows.map(({ id }) => id);
  }

  async signals(runId: string): Promise<StoredSignal[]> {
    const rows = await this.query<SignalRow>(
      `SELECT id, body, created_at FROM router.workflow_signal WHERE run_id = $1 ORDER BY created_at, id`,
      [runId],
    );
    return rows.map(toSignal);
  }

  /** What is known of several runs, in one statement: events and signals of the same moment. */
  async histories(runIds: string[]): Promise<{ of: (runId: string) => RunHistory }> {
    const found = new Map<string, RunHistory>();
    if (runIds.length > 0) {
      const rows = await this.query<EventRow & SignalRow & { run_id: string }>(
        `SELECT run_id, seq, at, type, path, data, NULL AS id, NULL AS body, NULL AS created_at
           FROM router.workflow_event WHERE run_id = ANY($1::uuid[])
         UNION ALL
         SELECT run_id, NULL, NULL, NULL, NULL, NULL, id, body, created_at
           FROM router.workflow_signal WHERE run_id = ANY($1::uuid[])
         ORDER BY seq, created_at, id`,
        [runIds],
      );
      for (const row of rows) {
        let history = found.get(row.run_id);
        if (!history) found.set(row.run_id, (history = { events: [], signals: [] }));
        if (row.type) history.events.push(toEvent(row));
        else history.signals.push(toSignal(row));
      }
    }
    return { of: (runId) => found.get(runId) ?? NO_HISTORY };
  }

  /** Tells a run something. It stays until the owner has taken it into the history. */
  async signal(runId: string, body: Signal, id: string = v7()): Promise<void> {
    await this.query(
      `INSERT INTO router.workflow_signal (id, run_id, body)
       SELECT $1, r.id, $3 FROM router.workflow_run r WHERE r.id = $2 AND r.ended_at IS NULL ON CONFLICT DO NOTHING`,
      [id, runId, JSON.stringify(body)],
    );
  }

  /** Tells every run that listens. @returns their ids */
  async publish(db: EntityManager, event: JsonObject): Promise<string[]> {
    const body: Signal = { kind: 'event', event };
    const rows = await db.query<{ run_id: string }[]>(
      `INSERT INTO router.workflow_signal (id, run_id, body)
       SELECT gen_random_uuid(), l.run_id, $1 FROM router.workflow_listener l RETURNING run_id`,
      [JSON.stringify(body)],
    );
    return rows.map(({ run_id }) => run_id);
  }

  async events(runId: string, after = 0, limit = 100_000): Promise<RunEvent[]> {
    const rows = await this.query<EventRow>(
      `SELECT seq, at, type, path, data FROM router.workflow_event WHERE run_id = $1 AND seq > $2 ORDER BY seq LIMIT $3`,
      [runId, after, limit],
    );
    return rows.map(toEvent);
  }

  /** A faulted run goes on where it failed. @returns false when it has not faulted */
  async reopen(id: string): Promise<boolean> {
    const rows = await this.query(
      `WITH failed AS (
         SELECT e.run_id, e.seq, e.data FROM router.workflow_event e JOIN router.workflow_run r ON r.id = e.run_id
          WHERE e.run_id = $1 AND r.state = 'faulted' ORDER BY e.seq DESC LIMIT 1),
       opened AS (
         UPDATE router.workflow_run r SET state = 'pending', epoch = epoch + 1, ended_at = NULL, error = NULL,
           next_wake_at = now(), updated_at = now() FROM failed WHERE r.id = failed.run_id RETURNING r.id, r.epoch)
       INSERT INTO router.workflow_event (run_id, seq, epoch, at, type, data)
       SELECT failed.run_id, failed.seq + 1, opened.epoch, now(), 'run.retried',
              json_build_object('path', failed.data->'error'->>'path')
         FROM failed JOIN opened ON opened.id = failed.run_id RETURNING run_id`,
      [id],
    );
    return rows.length > 0;
  }

  /** How many runs wait for one another down to this one, itself included; looks no further than `most`. */
  async depth(id: string, most: number): Promise<number> {
    const [row] = await this.query<{ depth: number }>(
      `WITH RECURSIVE up AS (
         SELECT parent_run, 1 AS depth FROM router.workflow_run WHERE id = $1
         UNION ALL
         SELECT r.parent_run, up.depth + 1 FROM up JOIN router.workflow_run r ON r.id = up.parent_run WHERE up.depth < $2)
       SELECT max(depth) AS depth FROM up`,
      [id, most],
    );
    return row?.depth ?? 0;
  }

  /** The run that another one started at a place. */
  async child(parent: string, path: string): Promise<RunRow | undefined> {
    const [row] = await this.query<RunRow>(
      `SELECT ${COLUMNS} FROM router.workflow_run WHERE parent_run = $1 AND parent_path = $2`,
      [parent, path],
    );
    return row;
  }

  /** The run that somebody started with a key. */
  async withKey(startedBy: string, key: string): Promise<(RunRow & { request_hash: string | null }) | undefined> {
    const [row] = await this.query<RunRow & { request_hash: string | null }>(
      `SELECT ${COLUMNS}, request_hash FROM router.workflow_run WHERE started_by = $1 AND idempotency_key = $2`,
      [startedBy, key],
    );
    return row;
  }

  /** The newest first; ids are in the order of time. */
  list(filter: {
    state?: string | undefined;
    namespace?: string | undefined;
    name?: string | undefined;
    startedBy?: string | undefined;
    before?: string | undefined;
    limit: number;
  }): Promise<RunRow[]> {
    const { state, namespace, name, startedBy, before, limit } = filter;
    return this.query<RunRow>(
      `SELECT ${COLUMNS} FROM router.workflow_run
        WHERE ($1::text IS NULL OR state = $1) AND ($2::text IS NULL OR namespace = $2) AND ($3::text IS NULL OR name = $3)
          AND ($4::text IS NULL OR started_by = $4) AND ($5::uuid IS NULL OR id < $5) ORDER BY id DESC LIMIT $6`,
      [state ?? null, namespace ?? null, name ?? null, startedBy ?? null, before ?? null, limit],
    );
  }

  async find(id: string): Promise<RunRow | undefined> {
    const [row] = await this.query<RunRow>(`SELECT ${COLUMNS} FROM router.workflow_run WHERE id = $1`, [id]);
    return row;
  }

  /** Sees to it that this month and the next have a partition of their own. */
  async preparePartitions(now = new Date()): Promise<void> {
    for (const offset of [0, 1]) {
      const from = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + offset, 1));
      const to = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + offset + 1, 1));
      const name = `workflow_event_${from.toISOString().slice(0, 7).replace('-', '')}`;
      await this.query(
        `CREATE TABLE IF NOT EXISTS router.${name} PARTITION OF router.workflow_event
           FOR VALUES FROM ('${firstId(from)}') TO ('${firstId(to)}')`,
      ).catch((error: unknown) => {
        // Another router does the same at the same moment; or a clock that was ahead left rows of that month elsewhere,
        // where they and those after them are as good.
        if (!/already exists|duplicate key|would overlap|would be violated/.test((error as Error).message)) throw error;
      });
    }
  }

  /**
   * Removes what began before a moment, month by month: the histories with their partition, then the runs themselves.
   * A month in which a run that still goes on began stays as a whole.
   *
   * @returns the partitions that are gone
   */
  async dropMonthsBefore(moment: Date): Promise<string[]> {
    const partitions = await this.query<{ name: string }>(
      `SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'router.workflow_event'::regclass AND c.relname ~ '^workflow_event_[0-9]{6}$' ORDER BY 1`,
    );
    const dropped: string[] = [];
    for (const { name } of partitions) {
      const [year, month] = [Number(name.slice(-6, -2)), Number(name.slice(-2))];
      const range = [new Date(Date.UTC(year, month - 1, 1)), new Date(Date.UTC(year, month, 1))] as const;
      if (range[1] <= moment && (await this.dropMonth(name, firstId(range[0]), firstId(range[1])))) dropped.push(name);
    }
    return dropped;
  }

  private dropMonth(partition: string, from: string, to: string): Promise<boolean> {
    return this.database.transaction(async (db) => {
      await db.query(`SET LOCAL lock_timeout = '5s'`);
      const [open] = await db.query<unknown[]>(
        `SELECT 1 FROM router.workflow_run WHERE id >= $1 AND id < $2 AND ended_at IS NULL LIMIT 1`,
        [from, to],
      );
      if (open) return false;
      await db.query(`DROP TABLE IF EXISTS router.${partition}`);
      await db.query(`DELETE FROM router.workflow_approval WHERE run_id >= $1 AND run_id < $2`, [from, to]);
      await db.query(`DELETE FROM router.workflow_run WHERE id >= $1 AND id < $2`, [from, to]);
      return true;
    });
  }

  /** Forgets which events came before a moment: one that is sent again after that counts as new. */
  async forgetEventsBefore(moment: Date): Promise<void> {
    await this.query(`DELETE FROM router.workflow_cloud_event WHERE received_at < $1`, [moment]);
  }

  private async query<T>(sql: string, values: unknown[] = []): Promise<T[]> {
    const result = await this.database.query<T[] | [T[], number]>(sql, values);
    return (Array.isArray(result[0]) && typeof result[1] === 'number' ? result[0] : result) as T[];
  }
}

function toEvent({ seq, at, type, path, data }: EventRow): RunEvent {
  const body = { type, ...(path === null ? {} : { path }), ...(data === null ? {} : { data }) } as EventBody;
  return { ...body, seq, at: at.getTime() };
}

function toSignal({ id, body, created_at: at }: SignalRow): StoredSignal {
  return { id, body, at: at.getTime() };
}

/** The smallest UUIDv7 of a moment. */
function firstId(at: Date): string {
  const hex = at.getTime().toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}
