import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How many requests an agent may send; without a limit of its own that of the environment holds. */
export class RateLimit20261122152000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`ALTER TABLE gateway.agent ADD COLUMN rate_limit jsonb`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`ALTER TABLE gateway.agent DROP COLUMN rate_limit`);
  }
}
