import { Inject, Injectable } from '@nestjs/common';
import { isUniqueViolation, LOGGER } from '@mcp-router/platform';
import type { Logger } from 'pino';
import { DataSource } from 'typeorm';
import { v7 } from 'uuid';
import type { Json } from '../definition/json';
import type { RunEvent, WorkflowError } from './event';
import type { RunState } from './run-store';

/** What the row of a run says after the events before it. */
export interface Projection {
  state: RunState;
  nextWakeAt: number | null;
  /** Gives the run up: anyone may take it when it is due. */
  release: boolean;
  /** Whether it waits for events from outside. */
  listens: boolean;
  ended?: { output: Json } | { error: WorkflowError | null };
  /** The run that waits for this one to end, and what it is told. */
  parent?: { run: string; body: object };
}

/** What one run adds in one go. */
export interface Batch {
  runId: string;
  epoch: number;
  events: RunEvent[];
  /** Signals that are in the history now. */
  consumed: string[];
  projection?: Projection | undefined;
}

/** Another process owns the run. */
export class Fenced extends Error {
  constructor(runId: string) {
    super(`The run ${runId} belongs to another process`);
    this.name = 'Fenced';
  }
}

interface Queued {
  batch: Batch;
  done: () => void;
  failed: (error: unknown) => void;
}

const MAX_IN_FLIGHT = 2;
const MAX_BATCHES = 256;
const RETRY_MS = 100;
const MAX_RETRIES = 300;

/**
 * Writes histories: what all runs of this process have to add at one moment goes into one statement, which adds nothing
 * for runs whose epoch is another one by now. A run hands over its next batch after the last one is stored.
 */
@Injectable()
export class Committer {
  private readonly queue: Queued[] = [];
  private inFlight = 0;
  private isScheduled = false;

  constructor(
    private readonly database: DataSource,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** @throws Fenced */
  add(batch: Batch): Promise<void> {
    return new Promise((done, failed) => {
      this.queue.push({ batch, done, failed });
      this.schedule();
    });
  }

  private schedule(): void {
    if (this.isScheduled || this.inFlight >= MAX_IN_FLIGHT || this.queue.length === 0) return;
    this.isScheduled = true;
    setImmediate(() => {
      this.isScheduled = false;
      const group = this.queue.splice(0, MAX_BATCHES);
      this.inFlight++;
      void this.flush(group).finally(() => {
        this.inFlight--;
        this.schedule();
      });
      this.schedule();
    });
  }

  private async flush(group: Queued[]): Promise<void> {
    try {
      const held = await this.writeWithRetries(group.map(({ batch }) => batch));
      for (const { batch, done, failed } of group) {
        if (held.has(batch.runId)) done();
        else failed(new Fenced(batch.runId));
      }
    } catch (error) {
      if (isUniqueViolation(error) && group.length > 1) {
        await Promise.all(group.map((one) => this.flush([one])));
        return;
      }
      for (const { batch, failed } of group) failed(isUniqueViolation(error) ? new Fenced(batch.runId) : error);
    }
  }

  private async writeWithRetries(batches: Batch[]): Promise<Set<string>> {
    for (let tries = 0; ; tries++) {
      try {
        return await this.write(batches);
      } catch (error) {
        if (isUniqueViolation(error)) {
          // The connection may have broken after the statement was carried out.
          if (tries > 0 && batches.length === 1 && (await this.isStored(batches[0] as Batch)))
            return new Set(batches.map(({ runId }) => runId));
          throw error;
        }
        if (tries >= MAX_RETRIES || isOurFault(error)) throw error;
        if (tries === 0) this.logger.warn({ err: error }, 'the history of runs cannot be written now');
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  private async isStored({ runId, epoch, events }: Batch): Promise<boolean> {
    const last = events.at(-1);
    if (!last) return false;
    const rows = await this.database.query<unknown[]>(
      `SELECT 1 FROM router.workflow_event WHERE run_id = $1 AND seq = $2 AND epoch = $3`,
      [runId, last.seq, epoch],
    );
    return rows.length > 0;
  }

  /** @returns the runs whose epoch is still the one of their batch */
  private async write(batches: Batch[]): Promise<Set<string>> {
    const values: unknown[] = [batches.map(({ runId }) => runId), batches.map(({ epoch }) => epoch)];
    const parts = [
      `held AS (SELECT r.id, r.epoch FROM unnest($1::uuid[], $2::int[]) AS k (id, epoch)
         JOIN router.workflow_run r ON r.id = k.id AND r.epoch = k.epoch)`,
    ];
    const next = (...more: unknown[]) => more.map((value) => `$${values.push(value)}`);
    this.addEvents(batches, parts, next);
    this.addApprovals(batches, parts, next);
    const consumed = batches.flatMap((batch) => batch.consumed);
    if (consumed.length > 0) {
      const [ids] = next(consumed);
      parts.push(
        `gone AS (DELETE FROM router.workflow_signal WHERE id = ANY(${ids}::uuid[]) AND run_id IN (SELECT id FROM held))`,
      );
    }
    this.addProjections(batches, parts, next);
    const rows = await this.database.query<{ id: string }[]>(`WITH ${parts.join(',\n')}\nSELECT id FROM held`, values);
    return new Set(rows.map(({ id }) => id));
  }

  private addEvents(batches: Batch[], parts: string[], next: (...values: unknown[]) => string[]): void {
    const events = batches.flatMap(({ runId, events: own }) => own.map((event) => ({ runId, event })));
    if (events.length === 0) return;
    const [runs, seqs, times, types, paths, data] = next(
      events.map(({ runId }) => runId),
      events.map(({ event }) => event.seq),
      events.map(({ event }) => new Date(event.at)),
      events.map(({ event }) => event.type),
      events.map(({ event }) => ('path' in event ? event.path : null)),
      events.map(({ event }) => ('data' in event ? JSON.stringify(event.data) : null)),
    );
    parts.push(`added AS (INSERT INTO router.workflow_event (run_id, seq, epoch, at, type, path, data)
      SELECT e.run_id, e.seq, held.epoch, e.at, e.type, e.path, e.data
        FROM unnest(${runs}::uuid[], ${seqs}::int[], ${times}::timestamptz[], ${types}::text[], ${paths}::text[], ${data}::json[])
          AS e (run_id, seq, at, type, path, data) JOIN held ON held.id = e.run_id)`);
  }

  private addApprovals(batches: Batch[], parts: string[], next: (...values: unknown[]) => string[]): void {
    const asked = batches.flatMap(({ runId, events }) =>
      events.flatMap((event) =>
        event.type === 'approval.requested' ? [{ runId, path: event.path, data: event.data }] : [],
      ),
    );
    if (asked.length > 0) {
      const [ids, runs, paths, requests] = next(
        asked.map(() => v7()),
        asked.map(({ runId }) => runId),
        asked.map(({ path }) => path),
        asked.map(({ data }) => JSON.stringify(data)),
      );
      parts.push(`asked AS (INSERT INTO router.workflow_approval (id, run_id, path, request)
        SELECT a.id, a.run_id, a.path, a.request
          FROM unnest(${ids}::uuid[], ${runs}::uuid[], ${paths}::text[], ${requests}::json[]) AS a (id, run_id, path, request)
          JOIN held ON held.id = a.run_id ON CONFLICT DO NOTHING)`);
    }
    const ended = batches.filter(({ projection }) => projection?.ended).map(({ runId }) => runId);
    if (ended.length > 0) {
      const [runs] = next(ended);
      // Nobody will ever read what an ended run was told.
      parts.push(`unheard AS (DELETE FROM router.workflow_signal
        WHERE run_id = ANY(${runs}::uuid[]) AND run_id IN (SELECT id FROM held))`);
      parts.push(`closed AS (UPDATE router.workflow_approval SET status = 'closed'
        WHERE run_id = ANY(${runs}::uuid[]) AND status = 'pending')`);
    }
  }

  private addProjections(batches: Batch[], parts: string[], next: (...values: unknown[]) => string[]): void {
    const changes = batches.flatMap(({ runId, projection }) => (projection ? [{ runId, ...projection }] : []));
    if (changes.length === 0) return;
    const rows = changes.map(({ runId, state, nextWakeAt, release, listens, ended }) => ({
      id: runId,
      state,
      next_wake_at: nextWakeAt === null ? null : new Date(nextWakeAt).toISOString(),
      release,
      listens,
      is_ended: ended !== undefined,
      output: ended && 'output' in ended ? ended.output : null,
      error: ended && 'error' in ended ? ended.error : null,
    }));
    const [json] = next(JSON.stringify(rows));
    parts.push(`changed AS (SELECT * FROM json_to_recordset(${json}::json) AS c (id uuid, state text,
        next_wake_at timestamptz, release boolean, listens boolean, is_ended boolean, output json, error json))`);
    parts.push(`moved AS (UPDATE router.workflow_run r SET state = c.state, updated_at = now(),
        next_wake_at = c.next_wake_at,
        lease_until = CASE WHEN c.release OR c.is_ended THEN NULL ELSE r.lease_until END,
        owner = CASE WHEN c.release OR c.is_ended THEN NULL ELSE r.owner END,
        ended_at = CASE WHEN c.is_ended THEN now() END,
        output = c.output, error = c.error
      FROM changed c JOIN held ON held.id = c.id WHERE r.id = c.id AND r.epoch = held.epoch)`);
    parts.push(`listening AS (INSERT INTO router.workflow_listener (run_id)
        SELECT c.id FROM changed c JOIN held ON held.id = c.id WHERE c.listens ON CONFLICT DO NOTHING)`);
    parts.push(`silent AS (DELETE FROM router.workflow_listener l USING changed c, held
        WHERE held.id = c.id AND l.run_id = c.id AND NOT c.listens)`);
    const parents = changes.flatMap(({ parent, runId }) => (parent ? [{ ...parent, child: runId }] : []));
    if (parents.length === 0) return;
    const [ids, children, runs, bodies] = next(
      parents.map(() => v7()),
      parents.map(({ child }) => child),
      parents.map(({ run }) => run),
      parents.map(({ body }) => JSON.stringify(body)),
    );
    parts.push(`told AS (INSERT INTO router.workflow_signal (id, run_id, body)
        SELECT p.id, p.run_id, p.body
          FROM unnest(${ids}::uuid[], ${children}::uuid[], ${runs}::uuid[], ${bodies}::json[]) AS p (id, child, run_id, body)
          JOIN held ON held.id = p.child)`);
  }
}

/** What the statement itself does wrong is not better a moment later. */
function isOurFault(error: unknown): boolean {
  const { code } = error as { code?: string };
  return code !== undefined && /^(22|23|42)/.test(code);
}
