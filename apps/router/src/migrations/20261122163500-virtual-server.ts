import type { MigrationInterface, QueryRunner } from 'typeorm';

export class VirtualServer20261122163500 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE router.virtual_server (
        id          uuid        PRIMARY KEY,
        slug        text        NOT NULL CONSTRAINT virtual_server_slug_key UNIQUE,
        description text,
        members     jsonb       NOT NULL,
        version     integer     NOT NULL DEFAULT 1,
        created_at  timestamptz NOT NULL DEFAULT now(),
        updated_at  timestamptz NOT NULL DEFAULT now()
      )`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE router.virtual_server`);
  }
}
