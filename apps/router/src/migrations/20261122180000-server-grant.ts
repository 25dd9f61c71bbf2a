import type { MigrationInterface, QueryRunner } from 'typeorm';

export class ServerGrant20261122180000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE router.server_grant (
        slug       text        PRIMARY KEY,
        sealed     text        NOT NULL,
        flow_hash  text        CONSTRAINT server_grant_flow_hash_key UNIQUE,
        updated_at timestamptz NOT NULL DEFAULT now()
      )`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE router.server_grant`);
  }
}
