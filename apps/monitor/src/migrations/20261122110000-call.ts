import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The call log: one row a call, a partition a day, so that retention drops tables instead of deleting rows. */
export class Call20261122110000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE monitor.call (
        id             uuid             NOT NULL,
        at             timestamptz      NOT NULL,
        request_id     text             NOT NULL,
        trace_id       text,
        agent_id       uuid             NOT NULL,
        agent          text             NOT NULL,
        key_id         uuid,
        endpoint       text             NOT NULL,
        method         text             NOT NULL,
        server         text,
        tool           text,
        arguments_hash text,
        outcome        text             NOT NULL,
        error_code     text,
        duration_ms    double precision NOT NULL,
        upstream_ms    double precision,
        request_bytes  bigint           NOT NULL,
        response_bytes bigint           NOT NULL,
        PRIMARY KEY (at, id)
      ) PARTITION BY RANGE (at)`);
    await db.query(`CREATE INDEX call_agent_at_idx ON monitor.call (agent, at DESC)`);
    await db.query(`CREATE INDEX call_server_at_idx ON monitor.call (server, at DESC)`);
    await db.query(`CREATE INDEX call_tool_at_idx ON monitor.call (tool, at DESC)`);
    // Rows whose day has no partition (a clock far off) are kept here rather than lost.
    await db.query(`CREATE TABLE monitor.call_default PARTITION OF monitor.call DEFAULT`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE monitor.call`);
  }
}
