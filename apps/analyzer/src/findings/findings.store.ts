import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import {
  AppError,
  decodeCursor,
  toPage,
  type Finding,
  type FindingDecision,
  type FindingsQuery,
  type Page,
} from '@mcp-router/shared';
import { DataSource, type EntityManager } from 'typeorm';
import { v7 as uuid, validate } from 'uuid';
import { ruleFacts } from '../rules/catalogue';

/** A finding as a scan gives it; the store adds its identity and its state. */
export interface SeenFinding {
  fingerprint: string;
  ruleId: string;
  level: string;
  confidence: string;
  message: string;
  subject: 'tool' | 'catalogue' | 'code';
  server?: string | undefined;
  tool?: string | undefined;
  pointer?: string | undefined;
  project?: string | undefined;
  path?: string | undefined;
  line?: number | undefined;
  column?: number | undefined;
  endLine?: number | undefined;
  evidence?: string | undefined;
  analysisId?: string | undefined;
}

const COLUMNS: [column: string, type: string, value: (finding: SeenFinding) => string | number | null][] = [
  ['fingerprint', 'text', (finding) => finding.fingerprint],
  ['subject', 'text', (finding) => finding.subject],
  ['rule_id', 'text', (finding) => finding.ruleId],
  ['level', 'text', (finding) => finding.level],
  ['confidence', 'text', (finding) => finding.confidence],
  ['message', 'text', (finding) => plain(finding.message, 1_000)],
  ['server', 'text', (finding) => plain(finding.server)],
  ['tool', 'text', (finding) => plain(finding.tool)],
  ['pointer', 'text', (finding) => plain(finding.pointer)],
  ['project', 'text', (finding) => plain(finding.project)],
  ['path', 'text', (finding) => plain(finding.path)],
  ['line', 'integer', (finding) => finding.line ?? null],
  ['column_no', 'integer', (finding) => finding.column ?? null],
  ['end_line', 'integer', (finding) => finding.endLine ?? null],
  ['evidence', 'text', (finding) => plain(finding.evidence, 1_000)],
  ['analysis_id', 'uuid', (finding) => finding.analysisId ?? null],
];

const NAMES = COLUMNS.map(([column]) => column);
// What a person decided stays; what was fixed and is back is open again.
const UPSERT = `
  INSERT INTO analyzer.finding (id, scope, ${NAMES.join(', ')})
  SELECT * FROM unnest($1::uuid[], $2::text[], ${COLUMNS.map(([, type], i) => `$${i + 3}::${type}[]`).join(', ')})
  ON CONFLICT (scope, fingerprint) DO UPDATE SET
    ${NAMES.filter((name) => name !== 'fingerprint')
      .map((name) => `${name} = EXCLUDED.${name}`)
      .join(', ')},
    last_seen_at = now(),
    state = CASE WHEN finding.state = 'fixed' THEN 'open' ELSE finding.state END`;

/** What a finding says, as one hash: one that is seen again as it was is only marked as seen, which is cheaper to write. */
const SAID = COLUMNS.filter(([column]) => column !== 'analysis_id');
const SAID_SQL = `encode(sha256(convert_to(concat_ws(E'\\x1f', ${SAID.map(([column]) => `coalesce(${column}::text, E'\\x1e')`).join(', ')}), 'UTF8')), 'hex')`;

function saidBy(finding: SeenFinding): string {
  const values = SAID.map(([, , value]) => value(finding) ?? '\x1e');
  return createHash('sha256').update(values.join('\x1f')).digest('hex');
}

/** Postgres keeps no NUL in a text. */
function plain(text: string | undefined, max = 2_000): string | null {
  return text === undefined ? null : text.replaceAll('\0', '\uFFFD').slice(0, max);
}

type Row = Record<string, unknown>;

/** Findings over time: seen, seen again, gone, decided. */
@Injectable()
export class FindingsStore {
  constructor(private readonly database: DataSource) {}

  /**
   * Makes `seen` all there is in a scope: new ones open, known ones stay, missing ones count as fixed. All of `seen` come
   * from one analysis, or from none.
   *
   * @returns those that were not there before, or had been fixed
   */
  async replace(
    scope: string,
    seen: readonly SeenFinding[],
    db: EntityManager | DataSource = this.database,
  ): Promise<SeenFinding[]> {
    const before: { fingerprint: string; said: string }[] = await db.query(
      `SELECT fingerprint, ${SAID_SQL} AS said FROM analyzer.finding WHERE scope = $1 AND state <> 'fixed'`,
      [scope],
    );
    const known = new Map(before.map(({ fingerprint, said }) => [fingerprint, said]));
    const unique = [...new Map(seen.map((finding) => [finding.fingerprint, finding])).values()];
    const same: SeenFinding[] = [];
    const other: SeenFinding[] = [];
    for (const finding of unique) (known.get(finding.fingerprint) === saidBy(finding) ? same : other).push(finding);
    await db.query(
      `UPDATE analyzer.finding SET last_seen_at = now(), analysis_id = $3,
              state = CASE WHEN state = 'fixed' THEN 'open' ELSE state END
        WHERE scope = $1 AND fingerprint = ANY($2::text[])`,
      [scope, same.map(({ fingerprint }) => fingerprint), same[0]?.analysisId ?? null],
    );
    for (let from = 0; from < other.length; from += 1_000) {
      const batch = other.slice(from, from + 1_000);
      await db.query(UPSERT, [
        batch.map(() => uuid()),
        batch.map(() => scope),
        ...COLUMNS.map(([, , value]) => batch.map((finding) => value(finding))),
      ]);
    }
    await db.query(
      `UPDATE analyzer.finding SET state = 'fixed' WHERE scope = $1 AND state = 'open' AND fingerprint <> ALL($2::text[])`,
      [scope, unique.map(({ fingerprint }) => fingerprint)],
    );
    return unique.filter(({ fingerprint }) => !known.has(fingerprint));
  }

  /** Ends everything that was found in scopes which are not there any more. */
  async closeScopes(
    prefix: string,
    except: readonly string[],
    db: EntityManager | DataSource = this.database,
  ): Promise<void> {
    await db.query(
      `UPDATE analyzer.finding SET state = 'fixed'
        WHERE starts_with(scope, $1) AND scope <> ALL($2::text[]) AND state = 'open'`,
      [prefix, except],
    );
  }

  async list({ cursor, limit, ...filters }: FindingsQuery): Promise<Page<Finding>> {
    const values: unknown[] = [];
    const where: string[] = [];
    const equal = (column: string, value: unknown) => {
      if (value !== undefined) where.push(`${column} = $${values.push(value)}`);
    };
    equal('rule_id', filters.rule);
    equal('level', filters.level);
    equal('state', filters.state);
    equal('server', filters.server);
    equal('tool', filters.tool);
    equal('project', filters.project);
    if (filters.analysis !== undefined) equal('analysis_id', idOf(filters.analysis));
    if (cursor !== undefined) {
      where.push(`id < $${values.push(decodeCursor(cursor, validate))}`);
    }
    const rows: Row[] = await this.database.query(
      `SELECT * FROM analyzer.finding ${where.length > 0 ? `WHERE ${where.join(' AND ')}` : ''}
        ORDER BY id DESC LIMIT $${values.push(limit + 1)}`,
      values,
    );
    return toPage(rows.map(toFinding), limit, ({ id }) => id);
  }

  async get(id: string): Promise<Finding> {
    const rows: Row[] = await this.database.query(`SELECT * FROM analyzer.finding WHERE id = $1`, [idOf(id)]);
    return this.one(rows, id);
  }

  /**
   * What a person decided about a finding; it holds for the same finding of later scans.
   *
   * @param ifMatch the `version` that the person has seen
   * @throws AppError `not_found`, `precondition_failed`
   */
  async decide(id: string, { state, note }: FindingDecision, ifMatch?: string): Promise<Finding> {
    return this.database.transaction(async (db) => {
      const found: Row[] = await db.query(`SELECT * FROM analyzer.finding WHERE id = $1 FOR UPDATE`, [idOf(id)]);
      if (ifMatch !== undefined && this.one(found, id).version !== ifMatch)
        throw new AppError('precondition_failed', 'Someone else has decided about it since it was read', {
          hint: 'Read it again',
        });
      const [rows]: [Row[], number] = await db.query(
        `UPDATE analyzer.finding SET state = $2, note = $3 WHERE id = $1 RETURNING *`,
        [idOf(id), state, plain(note)],
      );
      return this.one(rows, id);
    });
  }

  private one(rows: Row[], id: string): Finding {
    const [row] = rows;
    if (!row) throw new AppError('not_found', `There is no finding "${id}"`);
    return toFinding(row);
  }
}

function idOf(id: string): string {
  if (!validate(id)) throw new AppError('not_found', `"${id.slice(0, 64)}" is not an id`);
  return id;
}

function versionOf(state: string, note: string | null): string {
  return createHash('sha256')
    .update(JSON.stringify([state, note]))
    .digest('base64url')
    .slice(0, 22);
}

function toFinding(row: Row): Finding {
  const { cwe, owasp } = ruleFacts(String(row['rule_id']));
  const text = (column: string) => (row[column] ?? null) as string | null;
  const number = (column: string) => (row[column] ?? null) as number | null;
  return {
    id: String(row['id']),
    ruleId: String(row['rule_id']),
    level: row['level'] as Finding['level'],
    confidence: row['confidence'] as Finding['confidence'],
    message: String(row['message']),
    subject: row['subject'] as Finding['subject'],
    server: text('server'),
    tool: text('tool'),
    pointer: text('pointer'),
    project: text('project'),
    path: text('path'),
    line: number('line'),
    column: number('column_no'),
    endLine: number('end_line'),
    evidence: text('evidence'),
    fingerprint: String(row['fingerprint']),
    cwe: [...cwe],
    owasp: [...owasp],
    state: row['state'] as Finding['state'],
    note: text('note'),
    version: versionOf(String(row['state']), text('note')),
    firstSeenAt: (row['first_seen_at'] as Date).toISOString(),
    lastSeenAt: (row['last_seen_at'] as Date).toISOString(),
  };
}
