import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Analyses of code: their sources, results by content, reports; and custom rules. */
export class Analyses20261122130000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE analyzer.upload_part (
        upload_id  uuid        NOT NULL,
        index      integer     NOT NULL,
        data       bytea       NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (upload_id, index)
      )`);
    await db.query(`
      CREATE TABLE analyzer.blob (
        hash       text        PRIMARY KEY,
        content    bytea       NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
      )`);
    await db.query(`
      CREATE TABLE analyzer.upload (
        id         uuid        PRIMARY KEY,
        bytes      bigint      NOT NULL,
        skipped    json        NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
      )`);
    await db.query(`
      CREATE TABLE analyzer.upload_file (
        upload_id uuid NOT NULL REFERENCES analyzer.upload (id) ON DELETE CASCADE,
        path      text NOT NULL,
        hash      text NOT NULL REFERENCES analyzer.blob (hash),
        PRIMARY KEY (upload_id, path)
      )`);
    await db.query(`CREATE INDEX upload_file_hash_idx ON analyzer.upload_file (hash)`);
    await db.query(`
      CREATE TABLE analyzer.analysis (
        id          uuid        PRIMARY KEY,
        project     text        NOT NULL,
        state       text        NOT NULL DEFAULT 'queued',
        source      text        NOT NULL,
        upload_id   uuid,
        path        text,
        options     json        NOT NULL,
        done        integer     NOT NULL DEFAULT 0,
        total       integer     NOT NULL DEFAULT 0,
        summary     json,
        gate        json,
        skipped     json        NOT NULL DEFAULT '[]',
        error       text,
        created_at  timestamptz NOT NULL DEFAULT now(),
        started_at  timestamptz,
        finished_at timestamptz
      )`);
    await db.query(`CREATE INDEX analysis_project_idx ON analyzer.analysis (project, id DESC)`);
    await db.query(`
      CREATE TABLE analyzer.report (
        analysis_id uuid  PRIMARY KEY REFERENCES analyzer.analysis (id) ON DELETE CASCADE,
        body        bytea NOT NULL
      )`);
    await db.query(`
      CREATE TABLE analyzer.file_result (
        key     text        PRIMARY KEY,
        body    bytea       NOT NULL,
        used_at timestamptz NOT NULL DEFAULT now()
      )`);
    await db.query(`
      CREATE TABLE analyzer.ruleset (
        name       text        PRIMARY KEY,
        yaml       text        NOT NULL,
        rules      json        NOT NULL,
        updated_at timestamptz NOT NULL DEFAULT now()
      )`);
  }

  async down(db: QueryRunner): Promise<void> {
    for (const table of [
      'ruleset',
      'file_result',
      'report',
      'analysis',
      'upload_file',
      'upload',
      'blob',
      'upload_part',
    ])
      await db.query(`DROP TABLE analyzer.${table}`);
  }
}
