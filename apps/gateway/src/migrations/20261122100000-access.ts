import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Agents, their keys, and feature-flag overrides. */
export class Access20261122100000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE gateway.agent (
        id           uuid        PRIMARY KEY,
        name         text        NOT NULL,
        description  text        NOT NULL,
        role         text        NOT NULL,
        enabled      boolean     NOT NULL,
        policy       jsonb       NOT NULL,
        last_seen_at timestamptz,
        created_at   timestamptz NOT NULL,
        updated_at   timestamptz NOT NULL,
        CONSTRAINT agent_name_key UNIQUE (name)
      )`);
    await db.query(`
      CREATE TABLE gateway.api_key (
        id         uuid        PRIMARY KEY,
        agent_id   uuid        NOT NULL CONSTRAINT api_key_agent_id_fkey REFERENCES gateway.agent ON DELETE CASCADE,
        name       text        NOT NULL,
        hash       text        NOT NULL,
        prefix     text        NOT NULL,
        expires_at timestamptz,
        created_at timestamptz NOT NULL,
        CONSTRAINT api_key_hash_key UNIQUE (hash)
      )`);
    await db.query(`CREATE INDEX api_key_agent_id_idx ON gateway.api_key (agent_id)`);
    await db.query(`
      CREATE TABLE gateway.flag_override (
        name       text        PRIMARY KEY,
        enabled    boolean     NOT NULL,
        updated_at timestamptz NOT NULL
      )`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE gateway.flag_override`);
    await db.query(`DROP TABLE gateway.api_key`);
    await db.query(`DROP TABLE gateway.agent`);
  }
}
