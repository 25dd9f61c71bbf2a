import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The trace that a run belongs to, so that it goes on in whichever process owns the run. */
export class RunTrace20261122163000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`ALTER TABLE router.workflow_run ADD COLUMN traceparent text`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`ALTER TABLE router.workflow_run DROP COLUMN traceparent`);
  }
}
