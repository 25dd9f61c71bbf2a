import { Injectable } from '@nestjs/common';
import { AppError } from '@mcp-router/shared';
import { DataSource, type EntityManager } from 'typeorm';
import { v7 } from 'uuid';
import type { JsonObject } from './definition/json';
import { parseWorkflow } from './definition/parse';
import type { Workflow } from './definition/workflow';
import type { WorkflowHints } from './hints';

export interface VersionRow {
  id: string;
  namespace: string;
  name: string;
  version: string;
  status: 'draft' | 'published';
  definition: JsonObject;
  tools: Record<string, string>;
  hints: WorkflowHints | null;
  created_at: Date;
  updated_at: Date;
  published_at: Date | null;
}

const COLUMNS = `id, namespace, name, version, status, definition, tools, hints, created_at, updated_at,
  published_at`;
const SELECT_BY_ID = `SELECT ${COLUMNS} FROM router.workflow_version WHERE id = ANY($1::uuid[])`;
const MAX_KEPT = 500;
/** What is stored was within the limits of its time. */
const NO_LIMITS = { maxBytes: Infinity, maxTasks: Infinity, maxDepth: Infinity, maxBranches: Infinity };

/** Versions of workflows: a draft may change, a published one never does. */
@Injectable()
export class VersionStore {
  private readonly parsed = new Map<string, Workflow>();
  private readonly reading = new Map<string, Promise<Workflow>>();
  private asked: { ids: string[]; rows: Promise<Map<string, VersionRow>> } | undefined;

  constructor(private readonly database: DataSource) {}

  /**
   * The definition of a published version, read once, however many runs of it are taken over at one moment.
   *
   * @param db the transaction that asks: it reads by itself, since a second connection may be one too many
   */
  async workflow(versionId: string, db?: EntityManager): Promise<Workflow> {
    const known = this.parsed.get(versionId) ?? (db ? undefined : this.reading.get(versionId));
    if (known) return known;
    if (db) return this.parse(versionId, (await db.query<VersionRow[]>(SELECT_BY_ID, [[versionId]]))[0]);
    const reading = this.read(versionId).finally(() => this.reading.delete(versionId));
    this.reading.set(versionId, reading);
    return reading;
  }

  private async read(versionId: string): Promise<Workflow> {
    return this.parse(versionId, (await this.rows(versionId)).get(versionId));
  }

  private parse(versionId: string, row: VersionRow | undefined): Workflow {
    const workflow = row && parseWorkflow(row.definition, { limits: NO_LIMITS }).workflow;
    if (!row || !workflow) throw new AppError('not_found', 'The version of the workflow is not there any more');
    if (row.status === 'published') {
      if (this.parsed.size >= MAX_KEPT) this.parsed.clear();
      this.parsed.set(versionId, workflow);
    }
    return workflow;
  }

  /** Rows by id: what is asked for in one turn of the event loop is one statement. */
  private rows(versionId: string): Promise<Map<string, VersionRow>> {
    if (!this.asked) {
      const ids: string[] = [];
      const read = async (): Promise<Map<string, VersionRow>> => {
        await new Promise(setImmediate);
        this.asked = undefined;
        return new Map((await this.query<VersionRow>(SELECT_BY_ID, [ids])).map((row) => [row.id, row]));
      };
      this.asked = { ids, rows: read() };
    }
    this.asked.ids.push(versionId);
    return this.asked.rows;
  }

  /** @throws AppError `conflict` for a version that is published */
  async save(workflow: Workflow, tools: Record<string, string>): Promise<{ row: VersionRow; isNew: boolean }> {
    const { namespace, name, version } = workflow.document;
    const [row] = await this.query<VersionRow & { is_new: boolean }>(
      `INSERT INTO router.workflow_version (id, namespace, name, version, status, definition, tools)
       VALUES ($1, $2, $3, $4, 'draft', $5, $6)
       ON CONFLICT (namespace, name, version) DO UPDATE SET definition = excluded.definition, tools = excluded.tools,
         updated_at = now() WHERE workflow_version.status = 'draft'
       RETURNING ${COLUMNS}, created_at = updated_at AS is_new`,
      [v7(), namespace, name, version, JSON.stringify(workflow.source), JSON.stringify(tools)],
    );
    if (!row)
      throw new AppError('conflict', `Version ${version} of ${namespace}/${name} is published and does not change`, {
        hint: 'Give the definition another document.version',
      });
    return { row, isNew: row.is_new };
  }

  /** Publishing what is published changes nothing. `together` is done in the same transaction. */
  async publish(
    id: string,
    { tools, hints }: { tools: Record<string, string>; hints: WorkflowHints },
    together: (db: EntityManager, row: VersionRow) => Promise<void>,
  ): Promise<VersionRow> {
    return this.database.transaction(async (db) => {
      const row = await this.markPublished(db, id, tools, hints);
      await together(db, row);
      return row;
    });
  }

  private async markPublished(
    db: EntityManager,
    id: string,
    tools: Record<string, string>,
    hints: WorkflowHints,
  ): Promise<VersionRow> {
    const [rows] = await db.query<[VersionRow[], number]>(
      `UPDATE router.workflow_version SET status = 'published', tools = $2, hints = $3, updated_at = now(),
         published_at = coalesce(published_at, now()) WHERE id = $1 RETURNING ${COLUMNS}`,
      [id, JSON.stringify(tools), JSON.stringify(hints)],
    );
    const [row] = rows;
    if (!row) throw new AppError('not_found', 'There is no such version');
    return row;
  }

  /** The newest first, of one workflow or of all. */
  list(namespace?: string, name?: string): Promise<VersionRow[]> {
    return this.query<VersionRow>(
      `SELECT ${COLUMNS} FROM router.workflow_version
        WHERE ($1::text IS NULL OR namespace = $1) AND ($2::text IS NULL OR name = $2)
        ORDER BY namespace, name, created_at DESC`,
      [namespace ?? null, name ?? null],
    );
  }

  /** @param version `latest` is the one that was published last */
  async find(namespace: string, name: string, version: string): Promise<VersionRow | undefined> {
    const rows = await this.query<VersionRow>(
      `SELECT ${COLUMNS} FROM router.workflow_version WHERE namespace = $1 AND name = $2
         AND CASE WHEN $3 = 'latest' THEN status = 'published' ELSE version = $3 END
       ORDER BY published_at DESC NULLS LAST LIMIT 1`,
      [namespace, name, version],
    );
    return rows[0];
  }

  /** @returns how many drafts were removed; published versions stay */
  async removeDrafts(namespace: string, name: string, version?: string): Promise<number> {
    const rows = await this.query(
      `DELETE FROM router.workflow_version v WHERE namespace = $1 AND name = $2 AND status = 'draft'
         AND ($3::text IS NULL OR version = $3)
         AND NOT EXISTS (SELECT 1 FROM router.workflow_run r WHERE r.version_id = v.id) RETURNING id`,
      [namespace, name, version ?? null],
    );
    return rows.length;
  }

  private async query<T>(sql: string, values: unknown[] = []): Promise<T[]> {
    const result = await this.database.query<T[] | [T[], number]>(sql, values);
    return (Array.isArray(result[0]) && typeof result[1] === 'number' ? result[0] : result) as T[];
  }
}
