import type { MigrationInterface, QueryRunner } from 'typeorm';

const INDEXES = [
  ['call_agent_at_idx', 'agent', ''],
  ['call_server_at_idx', 'server', ''],
  ['call_tool_at_idx', 'tool', ''],
  ['call_trace_at_idx', 'trace_id', 'WHERE trace_id IS NOT NULL'],
];

/**
 * The indexes of the call log in the order of time. Calls come in that order, so each goes behind the last of its agent,
 * server or tool, where Postgres fills pages instead of splitting them. The newest first is a scan backwards.
 */
export class CallIndexOrder20261122220000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await rebuild(db, 'ASC');
  }

  async down(db: QueryRunner): Promise<void> {
    await rebuild(db, 'DESC');
  }
}

async function rebuild(db: QueryRunner, order: 'ASC' | 'DESC'): Promise<void> {
  for (const [name, column, condition] of INDEXES) {
    await db.query(`DROP INDEX monitor.${name}`);
    await db.query(`CREATE INDEX ${name} ON monitor.call (${column}, at ${order}) ${condition}`);
  }
}
