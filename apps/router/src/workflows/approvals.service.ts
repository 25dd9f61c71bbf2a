import { Injectable } from '@nestjs/common';
import { Bus, recordEvent } from '@mcp-router/platform';
import { AppError, decodeCursor, UUID_KEY, toPage, type Approval, type Page, type Principal } from '@mcp-router/shared';
import { DataSource } from 'typeorm';
import { v7 } from 'uuid';
import { textOf, type Json, type JsonObject } from './definition/json';
import { rejection } from './engine/approve';
import { RunEngine } from './engine/run-engine';
import { SchemaCheck } from './engine/schema-check';
import type { Signal } from './engine/signal';

interface ApprovalRow {
  id: string;
  run_id: string;
  path: string;
  request: JsonObject;
  status: Approval['status'];
  answer: Json;
  decided_by: string | null;
  decided_at: Date | null;
  created_at: Date;
}

const COLUMNS = 'id, run_id, path, request, status, answer, decided_by, decided_at, created_at';

/** What runs ask people. Assignees are names of agents; without any, everybody may decide. */
@Injectable()
export class ApprovalsService {
  private readonly schemas = new SchemaCheck();

  constructor(
    private readonly database: DataSource,
    private readonly engine: RunEngine,
    private readonly bus: Bus,
  ) {}

  async list(
    { status, cursor, limit }: { status: string; cursor?: string | undefined; limit: number },
    principal: Principal,
  ): Promise<Page<Approval>> {
    const rows = await this.database.query<ApprovalRow[]>(
      `SELECT ${COLUMNS} FROM router.workflow_approval WHERE status = $1 AND ($2::uuid IS NULL OR id > $2)
        ORDER BY id LIMIT $3`,
      [status, cursor === undefined ? null : decodeCursor(cursor, UUID_KEY), limit + 1],
    );
    const page = toPage(rows, limit, ({ id }) => id);
    return { ...page, items: page.items.filter((row) => mayDecide(row, principal)).map(toView) };
  }

  /** @throws AppError `not_found`, `conflict` when it was decided already, `invalid_arguments` for an answer that does not fit */
  async decide(
    id: string,
    { approve, answer, comment }: { approve: boolean; answer?: unknown; comment?: string | undefined },
    principal: Principal,
  ): Promise<Approval> {
    const [row] = await this.database.query<ApprovalRow[]>(
      `SELECT ${COLUMNS} FROM router.workflow_approval WHERE id = $1`,
      [id],
    );
    if (!row || !mayDecide(row, principal)) throw new AppError('not_found', `There is no approval ${id}`);
    const { schema } = row.request;
    const given = (answer ?? { approved: approve }) as Json;
    const faults = approve && schema ? this.schemas.faults(schema, (answer ?? null) as Json) : undefined;
    if (faults !== undefined)
      throw new AppError('invalid_arguments', `The answer does not match what the workflow asks for: ${faults}`);
    const why = comment === undefined ? `${principal.agent} rejected it` : `${principal.agent} rejected it: ${comment}`;
    const signal: Signal = {
      kind: 'input',
      path: row.path,
      outcome: approve ? { value: given } : { error: rejection(textOf(row.request['pointer']), why) },
    };
    const [decided] = await this.database.query<ApprovalRow[]>(
      `WITH decided AS (
         UPDATE router.workflow_approval SET status = $2, answer = $3, decided_by = $4, decided_at = now()
          WHERE id = $1 AND status = 'pending' RETURNING ${COLUMNS}),
       told AS (INSERT INTO router.workflow_signal (id, run_id, body) SELECT $5, run_id, $6 FROM decided)
       SELECT ${COLUMNS} FROM decided`,
      [id, approve ? 'approved' : 'rejected', JSON.stringify(given), principal.agent, v7(), JSON.stringify(signal)],
    );
    if (!decided) throw new AppError('conflict', 'It was decided before, or nobody waits for it any more');
    recordEvent(this.bus, approve ? 'approval.approved' : 'approval.rejected', {
      subject: row.run_id,
      actor: principal.agent,
      data: { approval: id, path: row.path },
    });
    await this.engine.announce(row.run_id);
    return toView(decided);
  }
}

function mayDecide({ request }: ApprovalRow, { agent, role }: Principal): boolean {
  const { assignees } = request;
  return role === 'admin' || !Array.isArray(assignees) || assignees.length === 0 || assignees.includes(agent);
}

function toView(row: ApprovalRow): Approval {
  const { message = null, schema = null, assignees = [], due } = row.request;
  return {
    id: row.id,
    run: row.run_id,
    path: row.path,
    message,
    schema,
    assignees,
    due: typeof due === 'number' ? new Date(due).toISOString() : null,
    status: row.status,
    answer: row.answer,
    decidedBy: row.decided_by,
    decidedAt: row.decided_at?.toISOString() ?? null,
    createdAt: row.created_at.toISOString(),
  };
}
