import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Settings of a notifier can be changed, by one who knows what they were. */
export class NotifierVersion20261123010000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`ALTER TABLE monitor.notifier ADD COLUMN version integer NOT NULL DEFAULT 1`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`ALTER TABLE monitor.notifier DROP COLUMN version`);
  }
}
