import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What was decided about each call, and, where it is switched on, what the calls carried: apart, to be kept for less long. */
export class CallDecision20261122150000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`ALTER TABLE monitor.call ADD COLUMN decision text NOT NULL DEFAULT 'allowed'`);
    await db.query(`CREATE INDEX call_trace_at_idx ON monitor.call (trace_id, at DESC) WHERE trace_id IS NOT NULL`);
    await db.query(`
      CREATE TABLE monitor.call_body (
        id       uuid        NOT NULL,
        at       timestamptz NOT NULL,
        request  text,
        response text,
        PRIMARY KEY (at, id)
      ) PARTITION BY RANGE (at)`);
    await db.query(`CREATE TABLE monitor.call_body_default PARTITION OF monitor.call_body DEFAULT`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE monitor.call_body`);
    await db.query(`DROP INDEX monitor.call_trace_at_idx`);
    await db.query(`ALTER TABLE monitor.call DROP COLUMN decision`);
  }
}
