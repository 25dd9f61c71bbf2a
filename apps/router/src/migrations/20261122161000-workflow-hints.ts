import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What a version may do to the world, as its tools said when it was published. */
export class WorkflowHints20261122161000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`ALTER TABLE router.workflow_version ADD COLUMN hints json`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`ALTER TABLE router.workflow_version DROP COLUMN hints`);
  }
}
