import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Findings with their state, and the pins of tool definitions. Definitions are `json`, not `jsonb`: they come from outside
 * and may hold the NUL character, which `jsonb` refuses.
 */
export class Findings20261122120000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE analyzer.finding (
        id            uuid        PRIMARY KEY,
        -- What is scanned as a whole: 'server:<slug>', 'catalogue', 'project:<name>'.
        scope         text        NOT NULL,
        fingerprint   text        NOT NULL,
        subject       text        NOT NULL,
        rule_id       text        NOT NULL,
        level         text        NOT NULL,
        confidence    text        NOT NULL,
        message       text        NOT NULL,
        server        text,
        tool          text,
        pointer       text,
        project       text,
        path          text,
        line          integer,
        column_no     integer,
        end_line      integer,
        evidence      text,
        analysis_id   uuid,
        state         text        NOT NULL DEFAULT 'open',
        note          text,
        first_seen_at timestamptz NOT NULL DEFAULT now(),
        last_seen_at  timestamptz NOT NULL DEFAULT now(),
        UNIQUE (scope, fingerprint)
      )`);
    await db.query(`CREATE INDEX finding_server_idx ON analyzer.finding (server, tool)`);
    await db.query(`CREATE INDEX finding_analysis_idx ON analyzer.finding (analysis_id)`);
    await db.query(`
      CREATE TABLE analyzer.tool_pin (
        server              text        NOT NULL,
        tool                text        NOT NULL,
        state               text        NOT NULL,
        approved_hash       text        NOT NULL,
        approved_definition json        NOT NULL,
        approved_by         text        NOT NULL,
        approved_at         timestamptz NOT NULL DEFAULT now(),
        current_hash        text        NOT NULL,
        current_definition  json        NOT NULL,
        diff                json ,
        changed_at          timestamptz,
        last_seen_at        timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (server, tool)
      )`);
    // What was scanned last, so that of several replicas one does the work.
    await db.query(`
      CREATE TABLE analyzer.scan_state (
        key  text        PRIMARY KEY,
        hash text        NOT NULL,
        at   timestamptz NOT NULL DEFAULT now()
      )`);
    await db.query(`CREATE INDEX tool_pin_state_idx ON analyzer.tool_pin (state) WHERE state <> 'approved'`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE analyzer.scan_state`);
    await db.query(`DROP TABLE analyzer.tool_pin`);
    await db.query(`DROP TABLE analyzer.finding`);
  }
}
