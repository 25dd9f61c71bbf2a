import { deserialize, serialize } from 'node:v8';
import { promisify } from 'node:util';
import { gunzipSync, gzip } from 'node:zlib';
import { Injectable } from '@nestjs/common';
import {
  AppError,
  decodeCursor,
  toPage,
  type Analysis,
  type AnalysisOptions,
  type AnalysisSummary,
  type Page,
} from '@mcp-router/shared';
import { DataSource } from 'typeorm';
import { v7 as uuid, validate } from 'uuid';
import type { FileResult } from '../engine/analyse-file';
import type { TextResult } from '../engine/analyse-text';
import type { Report } from './report';

/** Of results in one statement, which holds each three times: packed, as text, and as it is sent. */
const MAX_WRITTEN_BYTES = 4_000_000;

interface Row {
  id: string;
  project: string;
  state: Analysis['state'];
  source: Analysis['source'];
  upload_id: string | null;
  path: string | null;
  options: AnalysisOptions;
  done: number;
  total: number;
  summary: AnalysisSummary | null;
  gate: Analysis['gate'];
  skipped: Analysis['skipped'];
  error: string | null;
  created_at: Date;
  started_at: Date | null;
  finished_at: Date | null;
}

export interface StoredAnalysis extends Analysis {
  uploadId: string | null;
  path: string | null;
  options: AnalysisOptions;
}

/** Who started something, with which key, and what the request was. */
export interface Once {
  by: string;
  key: string;
  requestHash: string | undefined;
}

/** Analyses, their reports, and the results of files by content. */
@Injectable()
export class AnalysesStore {
  constructor(private readonly database: DataSource) {}

  async add(
    source: Analysis['source'],
    options: AnalysisOptions,
    from: { upload?: string | undefined; path?: string | undefined },
    once?: Once,
  ): Promise<StoredAnalysis> {
    const rows: Row[] = await this.database.query(
      `INSERT INTO analyzer.analysis (id, project, source, upload_id, path, options, started_by, idempotency_key, request_hash)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (started_by, idempotency_key) DO NOTHING RETURNING *`,
      [
        uuid(),
        options.project,
        source,
        from.upload ?? null,
        from.path ?? null,
        JSON.stringify(options),
        once?.by ?? null,
        once?.key ?? null,
        once?.requestHash ?? null,
      ],
    );
    const known = rows[0] ? undefined : once && (await this.startedBefore(once));
    return known ?? toAnalysis(rows[0] as Row);
  }

  /** The analysis that was started with a key. @throws AppError `conflict` when the request was another one */
  async startedBefore({ by, key, requestHash }: Once): Promise<StoredAnalysis | undefined> {
    const [row]: (Row & { request_hash: string | null })[] = await this.database.query(
      `SELECT * FROM analyzer.analysis WHERE started_by = $1 AND idempotency_key = $2`,
      [by, key],
    );
    if (row && row.request_hash !== (requestHash ?? null))
      throw new AppError('conflict', 'This Idempotency-Key was used for another request');
    return row && toAnalysis(row);
  }

  /** @throws AppError `not_found` */
  async get(id: string): Promise<StoredAnalysis> {
    const rows: Row[] = validate(id)
      ? await this.database.query(`SELECT * FROM analyzer.analysis WHERE id = $1`, [id])
      : [];
    if (!rows[0]) throw new AppError('not_found', `There is no analysis "${id.slice(0, 64)}"`);
    return toAnalysis(rows[0]);
  }

  async list({
    cursor,
    limit,
    project,
  }: {
    cursor?: string | undefined;
    limit: number;
    project?: string | undefined;
  }): Promise<Page<Analysis>> {
    const values: unknown[] = [];
    const where: string[] = [];
    if (project !== undefined) where.push(`project = $${values.push(project)}`);
    if (cursor !== undefined) {
      where.push(`id < $${values.push(decodeCursor(cursor, validate))}`);
    }
    const rows: Row[] = await this.database.query(
      `SELECT * FROM analyzer.analysis ${where.length > 0 ? `WHERE ${where.join(' AND ')}` : ''} ORDER BY id DESC LIMIT $${values.push(limit + 1)}`,
      values,
    );
    return toPage(rows.map(toAnalysis).map(publicPart), limit, ({ id }) => id);
  }

  /** Takes an analysis up. @returns false when it has ended meanwhile, for example because someone cancelled it */
  async start(id: string): Promise<boolean> {
    const [rows]: [unknown[], number] = await this.database.query(
      `UPDATE analyzer.analysis SET state = 'running', started_at = coalesce(started_at, now()) WHERE id = $1 AND state IN ('queued', 'running') RETURNING id`,
      [id],
    );
    return rows.length > 0;
  }

  async progress(id: string, done: number, total: number): Promise<void> {
    await this.database.query(
      `UPDATE analyzer.analysis SET done = $2, total = $3 WHERE id = $1 AND state = 'running'`,
      [id, done, total],
    );
  }

  /** @param report its body as `packReport` made it */
  async finish(
    id: string,
    report: { body: Buffer; skipped: Report['skipped'] },
    summary: AnalysisSummary,
    gate: Analysis['gate'],
  ): Promise<void> {
    await this.database.transaction(async (db) => {
      const [rows]: [unknown[], number] = await db.query(
        `UPDATE analyzer.analysis SET state = 'done', finished_at = now(), summary = $2, gate = $3, skipped = $4, done = total
          WHERE id = $1 AND state = 'running' RETURNING id`,
        [id, JSON.stringify(summary), JSON.stringify(gate), JSON.stringify(report.skipped.slice(0, 1_000))],
      );
      if (rows.length === 0) return;
      await db.query(
        `INSERT INTO analyzer.report (analysis_id, body) VALUES ($1, $2) ON CONFLICT (analysis_id) DO UPDATE SET body = EXCLUDED.body`,
        [id, report.body],
      );
    });
  }

  /** Ends an analysis without a result. @returns whether it was still to be ended */
  async end(id: string, state: 'failed' | 'cancelled', error: string | null): Promise<boolean> {
    const [rows]: [unknown[], number] = await this.database.query(
      `UPDATE analyzer.analysis SET state = $2, error = $3, finished_at = now() WHERE id = $1 AND state IN ('queued', 'running') RETURNING id`,
      [id, state, error],
    );
    return rows.length > 0;
  }

  /** Ids of analyses that should be running or waiting: the queue is filled from them when Redis lost it. */
  async unfinished(): Promise<string[]> {
    const rows: { id: string }[] = await this.database.query(
      `SELECT id FROM analyzer.analysis WHERE state IN ('queued', 'running') ORDER BY id LIMIT 1000`,
    );
    return rows.map(({ id }) => id);
  }

  /** @throws AppError `conflict` while there is none */
  async report(id: string): Promise<Report> {
    const [row]: { body: Buffer }[] = await this.database.query(
      `SELECT body FROM analyzer.report WHERE analysis_id = $1`,
      [id],
    );
    if (!row)
      throw new AppError('conflict', 'The analysis has no report (yet)', {
        hint: 'Its state says whether one will come',
      });
    return JSON.parse(gunzipSync(row.body).toString('utf8')) as Report;
  }

  async cached(keys: readonly string[]): Promise<Map<string, FileResult | TextResult>> {
    const rows: { key: string; body: Buffer }[] = await this.database.query(
      `SELECT key, body FROM analyzer.file_result WHERE key = ANY($1::text[])`,
      [keys],
    );
    return new Map(rows.map(({ key, body }) => [key, deserialize(body) as FileResult | TextResult]));
  }

  async remember(results: readonly { key: string; result: FileResult | TextResult }[]): Promise<void> {
    let packed: { key: string; body: Buffer }[] = [];
    let bytes = 0;
    const write = async () => {
      if (packed.length === 0) return;
      await this.database.query(
        `INSERT INTO analyzer.file_result (key, body) SELECT * FROM unnest($1::text[], $2::bytea[]) ON CONFLICT (key) DO UPDATE SET used_at = now()`,
        [packed.map(({ key }) => key), packed.map(({ body }) => body)],
      );
      packed = [];
      bytes = 0;
    };
    for (const { key, result } of results) {
      const body = serialize(result);
      packed.push({ key, body });
      if ((bytes += body.length) > MAX_WRITTEN_BYTES) await write();
    }
    await write();
  }
}

/** A report as it is stored; packed beside the event loop. */
export const packReport = (report: Report): Promise<Buffer> => promisify(gzip)(JSON.stringify(report), { level: 1 });

export function publicPart({ uploadId: _u, path: _p, options: _o, ...analysis }: StoredAnalysis): Analysis {
  return analysis;
}

const toAnalysis = (row: Row): StoredAnalysis => ({
  id: row.id,
  project: row.project,
  state: row.state,
  source: row.source,
  uploadId: row.upload_id,
  path: row.path,
  options: row.options,
  progress: { done: row.done, total: row.total },
  summary: row.summary,
  gate: row.gate,
  skipped: row.skipped,
  error: row.error,
  createdAt: row.created_at.toISOString(),
  startedAt: row.started_at?.toISOString() ?? null,
  finishedAt: row.finished_at?.toISOString() ?? null,
});
