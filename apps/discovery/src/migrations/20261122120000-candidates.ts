import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Sources, what they found, and who follows them. */
export class Candidates20261122120000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE discovery.source (
        id           uuid        PRIMARY KEY,
        name         text        NOT NULL CONSTRAINT source_name_key UNIQUE,
        type         text        NOT NULL,
        settings     jsonb       NOT NULL,
        policy       text        NOT NULL,
        enabled      boolean     NOT NULL,
        state        text        NOT NULL DEFAULT 'waiting',
        last_error   text,
        last_sync_at timestamptz,
        -- What the source keeps for itself between two looks.
        memory       jsonb       NOT NULL DEFAULT '{}',
        created_at   timestamptz NOT NULL DEFAULT now(),
        updated_at   timestamptz NOT NULL DEFAULT now()
      )`);
    await db.query(`
      CREATE TABLE discovery.candidate (
        id               uuid        PRIMARY KEY,
        identity         text        NOT NULL CONSTRAINT candidate_identity_key UNIQUE,
        name             text        NOT NULL,
        title            text,
        description      text,
        version          text,
        kind             text        NOT NULL,
        endpoint         jsonb       NOT NULL,
        labels           jsonb       NOT NULL,
        decision         text        NOT NULL DEFAULT 'pending',
        server           text,
        approved_by      text,
        lost_at          timestamptz,
        health           jsonb       NOT NULL,
        next_probe_at    timestamptz,
        transport        text,
        era              text,
        protocol_version text,
        server_info      jsonb,
        latency_ms       double precision,
        counts           jsonb,
        catalogue_hash   text,
        catalogue_at     timestamptz,
        last_error       jsonb,
        last_probe_at    timestamptz,
        first_seen_at    timestamptz NOT NULL DEFAULT now(),
        updated_at       timestamptz NOT NULL DEFAULT now()
      )`);
    await db.query(`CREATE INDEX candidate_next_probe_at_idx ON discovery.candidate (next_probe_at)`);
    await db.query(`
      CREATE TABLE discovery.provenance (
        source_id     uuid        NOT NULL REFERENCES discovery.source ON DELETE CASCADE,
        key           text        NOT NULL,
        candidate_id  uuid        NOT NULL REFERENCES discovery.candidate ON DELETE CASCADE,
        sighting      jsonb       NOT NULL,
        first_seen_at timestamptz NOT NULL,
        last_seen_at  timestamptz NOT NULL,
        PRIMARY KEY (source_id, key)
      )`);
    await db.query(`CREATE INDEX provenance_candidate_id_idx ON discovery.provenance (candidate_id)`);
    // A server that was rejected stays so when it comes back after it was forgotten.
    await db.query(`
      CREATE TABLE discovery.rejection (
        identity text        PRIMARY KEY,
        at       timestamptz NOT NULL DEFAULT now()
      )`);
    await db.query(`
      CREATE TABLE discovery.leader (
        one      boolean     PRIMARY KEY DEFAULT true CHECK (one),
        instance text        NOT NULL,
        since    timestamptz NOT NULL DEFAULT now()
      )`);
  }

  async down(db: QueryRunner): Promise<void> {
    for (const table of ['leader', 'rejection', 'provenance', 'candidate', 'source'])
      await db.query(`DROP TABLE discovery.${table}`);
  }
}
