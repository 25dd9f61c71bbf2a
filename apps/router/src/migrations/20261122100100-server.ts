import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Server20261122100100 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE router.server (
        id         uuid        PRIMARY KEY,
        slug       text        NOT NULL CONSTRAINT server_slug_key UNIQUE,
        source     text        NOT NULL CONSTRAINT server_source_check CHECK (source IN ('rest', 'discovery')),
        definition jsonb       NOT NULL,
        secrets    text,
        version    integer     NOT NULL DEFAULT 1,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now()
      )`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE router.server`);
  }
}
