import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Quarantine20261122150000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE router.quarantine (
        only_row boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
        verdicts jsonb       NOT NULL,
        at       timestamptz NOT NULL DEFAULT now()
      )`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE router.quarantine`);
  }
}
