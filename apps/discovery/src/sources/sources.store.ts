import { Injectable } from '@nestjs/common';
import { refuseTaken } from '@mcp-router/platform';
import { AppError, changedMeanwhile, type DiscoverySource, type NewDiscoverySource } from '@mcp-router/shared';
import { DataSource } from 'typeorm';
import { v7 as uuid } from 'uuid';

interface SourceRow {
  id: string;
  name: string;
  type: string;
  settings: Record<string, unknown>;
  policy: DiscoverySource['policy'];
  enabled: boolean;
  scan_before_use: boolean;
  state: DiscoverySource['state'];
  last_error: string | null;
  last_sync_at: Date | null;
  memory: Record<string, unknown>;
  found: number;
  version: number;
  created_at: Date;
  updated_at: Date;
}

const QUERY = `
  SELECT s.*, (SELECT count(*)::int FROM discovery.provenance p WHERE p.source_id = s.id) AS found
    FROM discovery.source s`;

/** The rows of `discovery.source`. */
@Injectable()
export class SourcesStore {
  constructor(private readonly database: DataSource) {}

  async all(): Promise<DiscoverySource[]> {
    const rows = await this.database.query<SourceRow[]>(`${QUERY} ORDER BY s.name`);
    return rows.map(toSource);
  }

  async page(after: string, limit: number): Promise<DiscoverySource[]> {
    const rows = await this.database.query<SourceRow[]>(`${QUERY} WHERE s.name > $1 ORDER BY s.name LIMIT $2`, [
      after,
      limit,
    ]);
    return rows.map(toSource);
  }

  async get(ref: string): Promise<DiscoverySource> {
    const rows = await this.database.query<SourceRow[]>(`${QUERY} WHERE s.name = $1 OR s.id::text = $1`, [ref]);
    if (!rows[0]) throw new AppError('not_found', `There is no source "${ref}"`);
    return toSource(rows[0]);
  }

  async add({ name, type, settings, policy, enabled, scanBeforeUse }: NewDiscoverySource): Promise<DiscoverySource> {
    const id = uuid();
    await this.database
      .query(
        `INSERT INTO discovery.source (id, name, type, settings, policy, enabled, scan_before_use)
         VALUES ($1, $2, $3, $4, $5, $6, $7)`,
        [id, name, type, JSON.stringify(settings), policy, enabled, scanBeforeUse ?? false],
      )
      .catch(refuseTaken(taken(name)));
    return this.get(id);
  }

  /** The source that is there from the start; nothing happens when there is any source already. */
  async addOnce(source: NewDiscoverySource): Promise<void> {
    await this.database.query(
      `INSERT INTO discovery.source (id, name, type, settings, policy, enabled)
       SELECT $1, $2, $3, $4, $5, $6 WHERE NOT EXISTS (SELECT FROM discovery.source) ON CONFLICT DO NOTHING`,
      [uuid(), source.name, source.type, JSON.stringify(source.settings), source.policy, source.enabled],
    );
  }

  /** @param ifMatch the version that was read @throws AppError `conflict`, `precondition_failed` */
  async update(id: string, changes: Partial<NewDiscoverySource>, ifMatch?: string): Promise<DiscoverySource> {
    const { name, settings, policy, enabled, scanBeforeUse } = changes;
    const [, affected] = await this.database
      .query<[unknown[], number]>(
        `UPDATE discovery.source SET version = version + 1, name = coalesce($2, name), settings = coalesce($3, settings),
                policy = coalesce($4, policy), enabled = coalesce($5, enabled),
                scan_before_use = coalesce($7, scan_before_use), updated_at = now(),
                memory = CASE WHEN $3::jsonb IS NULL THEN memory ELSE '{}' END
          WHERE id = $1 AND ($6::text IS NULL OR version::text = $6)`,
        [
          id,
          name ?? null,
          settings ? JSON.stringify(settings) : null,
          policy ?? null,
          enabled ?? null,
          ifMatch ?? null,
          scanBeforeUse ?? null,
        ],
      )
      .catch(refuseTaken(taken(name ?? '')));
    const source = await this.get(id);
    if (affected === 0) throw changedMeanwhile(source.name);
    return source;
  }

  async remove(id: string): Promise<void> {
    await this.database.query(`DELETE FROM discovery.source WHERE id = $1`, [id]);
  }

  async setState(id: string, state: DiscoverySource['state'], lastError: string | null): Promise<void> {
    await this.database.query(
      `UPDATE discovery.source SET state = $2, last_error = $3,
              last_sync_at = CASE WHEN $2 = 'ok' THEN now() ELSE last_sync_at END WHERE id = $1`,
      [id, state, lastError],
    );
  }

  async readMemory(id: string): Promise<Record<string, unknown>> {
    const rows = await this.database.query<SourceRow[]>(`SELECT memory FROM discovery.source WHERE id = $1`, [id]);
    return rows[0]?.memory ?? {};
  }

  async writeMemory(id: string, memory: Record<string, unknown>): Promise<void> {
    await this.database.query(`UPDATE discovery.source SET memory = $2 WHERE id = $1`, [id, JSON.stringify(memory)]);
  }

  async leader(): Promise<string | undefined> {
    const rows = await this.database.query<{ instance: string }[]>(`SELECT instance FROM discovery.leader`);
    return rows[0]?.instance;
  }
}

const taken = (name: string) => `A source named "${name}" exists`;

function toSource(row: SourceRow): DiscoverySource {
  const { id, name, type, settings, policy, enabled, found } = row;
  return {
    id,
    name,
    type,
    settings,
    policy,
    enabled,
    scanBeforeUse: row.scan_before_use,
    found,
    version: String(row.version),
    state: enabled ? row.state : 'disabled',
    lastError: row.last_error,
    lastSyncAt: row.last_sync_at?.toISOString() ?? null,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}
