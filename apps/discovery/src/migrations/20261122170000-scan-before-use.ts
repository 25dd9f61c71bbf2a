import type { MigrationInterface, QueryRunner } from 'typeorm';

export class ScanBeforeUse20261122170000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`ALTER TABLE discovery.source ADD COLUMN scan_before_use boolean NOT NULL DEFAULT false`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`ALTER TABLE discovery.source DROP COLUMN scan_before_use`);
  }
}
