import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The health of registered servers and its history. */
export class Health20261122110000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE discovery.server_health (
        server           text        PRIMARY KEY,
        server_id        text        NOT NULL,
        -- The state machine's own record; state and next_probe_at are copies of what is asked for.
        health           jsonb       NOT NULL,
        state            text        NOT NULL,
        next_probe_at    timestamptz NOT NULL,
        router_state     text,
        era              text,
        protocol_version text,
        latency_ms       double precision,
        counts           jsonb,
        last_error       jsonb,
        last_checked_at  timestamptz
      )`);
    await db.query(`CREATE INDEX server_health_next_probe_at_idx ON discovery.server_health (next_probe_at)`);
    await db.query(`
      CREATE TABLE discovery.health_sample (
        id         bigint           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        server     text             NOT NULL,
        at         timestamptz      NOT NULL,
        via        text             NOT NULL,
        ok         boolean          NOT NULL,
        latency_ms double precision,
        state      text             NOT NULL,
        error      jsonb
      )`);
    await db.query(`CREATE INDEX health_sample_server_id_idx ON discovery.health_sample (server, id DESC)`);
    await db.query(`CREATE INDEX health_sample_at_idx ON discovery.health_sample (at)`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE discovery.health_sample`);
    await db.query(`DROP TABLE discovery.server_health`);
  }
}
