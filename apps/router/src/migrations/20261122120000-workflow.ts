import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Definitions, runs and their histories. Data of workflows is `json`, not `jsonb`: it comes back letter by letter.
 * Events are partitioned by the month of their run: ids are UUIDv7, so a range of ids is a range of time.
 */
export class Workflow20261122120000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE router.workflow_version (
        id           uuid        PRIMARY KEY,
        namespace    text        NOT NULL,
        name         text        NOT NULL,
        version      text        NOT NULL,
        status       text        NOT NULL CONSTRAINT workflow_version_status_check CHECK (status IN ('draft', 'published')),
        definition   json        NOT NULL,
        tools        json        NOT NULL DEFAULT '{}',
        created_at   timestamptz NOT NULL DEFAULT now(),
        updated_at   timestamptz NOT NULL DEFAULT now(),
        published_at timestamptz,
        CONSTRAINT workflow_version_key UNIQUE (namespace, name, version)
      )`);
    await db.query(`
      CREATE TABLE router.workflow_run (
        id              uuid        PRIMARY KEY,
        version_id      uuid        NOT NULL CONSTRAINT workflow_run_version_fkey REFERENCES router.workflow_version,
        namespace       text        NOT NULL,
        name            text        NOT NULL,
        version         text        NOT NULL,
        state           text        NOT NULL CONSTRAINT workflow_run_state_check CHECK (state IN ('pending', 'running',
                        'waiting', 'suspended', 'needs_attention', 'cancelling', 'completed', 'faulted', 'cancelled')),
        epoch           integer     NOT NULL DEFAULT 0,
        owner           text,
        lease_until     timestamptz,
        next_wake_at    timestamptz,
        idempotency_key text,
        request_hash    text,
        started_by      text        NOT NULL,
        principal       json        NOT NULL,
        input           json        NOT NULL,
        output          json,
        error           json,
        parent_run      uuid,
        parent_path     text,
        created_at      timestamptz NOT NULL DEFAULT now(),
        updated_at      timestamptz NOT NULL DEFAULT now(),
        ended_at        timestamptz,
        CONSTRAINT workflow_run_idempotency_key UNIQUE (started_by, idempotency_key),
        CONSTRAINT workflow_run_parent_key UNIQUE (parent_run, parent_path)
      ) WITH (fillfactor = 70)`);
    await db.query(`CREATE INDEX workflow_run_wake_idx ON router.workflow_run (next_wake_at) WHERE ended_at IS NULL`);
    await db.query(`
      CREATE TABLE router.workflow_event (
        run_id uuid        NOT NULL,
        seq    integer     NOT NULL,
        epoch  integer     NOT NULL,
        at     timestamptz NOT NULL,
        type   text        NOT NULL,
        path   text,
        data   json,
        PRIMARY KEY (run_id, seq)
      ) PARTITION BY RANGE (run_id)`);
    await db.query(`CREATE TABLE router.workflow_event_default PARTITION OF router.workflow_event DEFAULT`);
    await db.query(`
      CREATE TABLE router.workflow_signal (
        id         uuid        PRIMARY KEY,
        run_id     uuid        NOT NULL,
        body       json        NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
      )`);
    await db.query(`CREATE INDEX workflow_signal_run_idx ON router.workflow_signal (run_id)`);
    await db.query(`
      CREATE TABLE router.workflow_listener (
        run_id uuid NOT NULL PRIMARY KEY
      )`);
    await db.query(`
      CREATE TABLE router.workflow_approval (
        id         uuid        PRIMARY KEY,
        run_id     uuid        NOT NULL,
        path       text        NOT NULL,
        request    json        NOT NULL,
        status     text        NOT NULL DEFAULT 'pending'
                   CONSTRAINT workflow_approval_status_check CHECK (status IN ('pending', 'approved', 'rejected', 'closed')),
        answer     json,
        decided_by text,
        decided_at timestamptz,
        created_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT workflow_approval_place_key UNIQUE (run_id, path)
      )`);
  }

  async down(db: QueryRunner): Promise<void> {
    const tables = ['approval', 'listener', 'signal', 'event', 'run', 'version'];
    for (const table of tables) await db.query(`DROP TABLE router.workflow_${table}`);
  }
}
