import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The version of a source's definition, for those who edit it at the same time. */
export class SourceVersion20261122163000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`ALTER TABLE discovery.source ADD COLUMN version integer NOT NULL DEFAULT 1`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`ALTER TABLE discovery.source DROP COLUMN version`);
  }
}
