import { Injectable } from '@nestjs/common';
import {
  AppError,
  decodeCursor,
  toPage,
  type Definition,
  type DefinitionDiff,
  type JudgedTool,
  type Page,
  type ToolPin,
} from '@mcp-router/shared';
import { DataSource, type EntityManager } from 'typeorm';

/** A pin with the definitions it compares. */
export interface StoredPin extends ToolPin {
  approvedDefinition: Definition;
  currentDefinition: Definition;
}

interface Row {
  server: string;
  tool: string;
  state: ToolPin['state'];
  approved_hash: string;
  approved_definition: Definition;
  approved_by: string;
  approved_at: Date;
  current_hash: string;
  current_definition: Definition;
  diff: DefinitionDiff | null;
  changed_at: Date | null;
  last_seen_at: Date;
}

type Db = EntityManager | DataSource;

/** Postgres keeps no NUL in a text, and a tool's name is text that comes from outside. */
export const keyOf = (name: string) => name.replaceAll('\0', '\uFFFD');

@Injectable()
export class PinsStore {
  constructor(private readonly database: DataSource) {}

  async ofServers(servers: readonly string[], db: Db = this.database): Promise<StoredPin[]> {
    const rows: Row[] = await db.query(`SELECT * FROM analyzer.tool_pin WHERE server = ANY($1::text[])`, [servers]);
    return rows.map(toPin);
  }

  async write(pin: StoredPin, db: Db = this.database): Promise<void> {
    await db.query(
      `INSERT INTO analyzer.tool_pin (server, tool, state, approved_hash, approved_definition, approved_by, approved_at,
          current_hash, current_definition, diff, changed_at, last_seen_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, now())
       ON CONFLICT (server, tool) DO UPDATE SET state = EXCLUDED.state, approved_hash = EXCLUDED.approved_hash,
          approved_definition = EXCLUDED.approved_definition, approved_by = EXCLUDED.approved_by,
          approved_at = EXCLUDED.approved_at, current_hash = EXCLUDED.current_hash,
          current_definition = EXCLUDED.current_definition, diff = EXCLUDED.diff, changed_at = EXCLUDED.changed_at,
          last_seen_at = now()`,
      [
        pin.server,
        pin.tool,
        pin.state,
        pin.approvedHash,
        JSON.stringify(pin.approvedDefinition),
        pin.approvedBy,
        pin.approvedAt,
        pin.currentHash,
        JSON.stringify(pin.currentDefinition),
        pin.diff === null ? null : JSON.stringify(pin.diff),
        pin.changedAt,
      ],
    );
  }

  async touch(keys: readonly { server: string; tool: string }[], db: Db = this.database): Promise<void> {
    await db.query(
      `UPDATE analyzer.tool_pin AS pin SET last_seen_at = now()
         FROM unnest($1::text[], $2::text[]) AS seen (server, tool) WHERE pin.server = seen.server AND pin.tool = seen.tool`,
      [keys.map(({ server }) => server), keys.map(({ tool }) => tool)],
    );
  }

  /** @throws AppError `not_found` */
  async get(server: string, tool: string, db: Db = this.database): Promise<StoredPin> {
    const lock = db instanceof DataSource ? '' : 'FOR UPDATE';
    const [row]: Row[] = await db.query(`SELECT * FROM analyzer.tool_pin WHERE server = $1 AND tool = $2 ${lock}`, [
      server,
      keyOf(tool),
    ]);
    if (!row) throw new AppError('not_found', `The tool "${tool}" of "${server}" has not been seen`);
    return toPin(row);
  }

  async list(query: {
    cursor?: string | undefined;
    limit: number;
    server?: string | undefined;
    state?: string | undefined;
  }): Promise<Page<ToolPin>> {
    const values: unknown[] = [];
    const where: string[] = [];
    if (query.server !== undefined) where.push(`server = $${values.push(query.server)}`);
    if (query.state !== undefined) where.push(`state = $${values.push(query.state)}`);
    if (query.cursor !== undefined) {
      const [server, tool] = decodeCursor(query.cursor, /\n/).split('\n');
      where.push(`(server, tool) > ($${values.push(server)}, $${values.push(tool)})`);
    }
    const rows: Row[] = await this.database.query(
      `SELECT * FROM analyzer.tool_pin ${where.length > 0 ? `WHERE ${where.join(' AND ')}` : ''}
        ORDER BY server, tool LIMIT $${values.push(query.limit + 1)}`,
      values,
    );
    return toPage(rows.map(toPin).map(withoutDefinitions), query.limit, ({ server, tool }) => `${server}\n${tool}`);
  }

  async judged(): Promise<JudgedTool[]> {
    return this.database.query(
      `SELECT server, tool, current_hash AS "currentHash", approved_hash AS "approvedHash" FROM analyzer.tool_pin`,
    );
  }

  async held(): Promise<ToolPin[]> {
    const rows: Row[] = await this.database.query(
      `SELECT * FROM analyzer.tool_pin WHERE state IN ('held', 'rejected') ORDER BY server, tool`,
    );
    return rows.map(toPin).map(withoutDefinitions);
  }
}

export function withoutDefinitions({ approvedDefinition: _a, currentDefinition: _c, ...pin }: StoredPin): ToolPin {
  return pin;
}

const toPin = (row: Row): StoredPin => ({
  server: row.server,
  tool: row.tool,
  state: row.state,
  approvedHash: row.approved_hash,
  approvedDefinition: row.approved_definition,
  approvedBy: row.approved_by,
  approvedAt: row.approved_at.toISOString(),
  currentHash: row.current_hash,
  currentDefinition: row.current_definition,
  diff: row.diff,
  changedAt: row.changed_at?.toISOString() ?? null,
  lastSeenAt: row.last_seen_at.toISOString(),
});
