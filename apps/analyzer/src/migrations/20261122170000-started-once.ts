import type { MigrationInterface, QueryRunner } from 'typeorm';

/** An analysis that is started twice with the same key is one. */
export class StartedOnce20261122170000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE analyzer.analysis ADD COLUMN started_by text, ADD COLUMN idempotency_key text, ADD COLUMN request_hash text`);
    await db.query(`CREATE UNIQUE INDEX analysis_idempotency_idx ON analyzer.analysis (started_by, idempotency_key)`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE analyzer.analysis DROP COLUMN started_by, DROP COLUMN idempotency_key, DROP COLUMN request_hash`);
  }
}
