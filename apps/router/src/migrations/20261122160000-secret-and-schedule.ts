import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Secrets that workflows name, what starts workflows by itself, and the events that it may start on. */
export class SecretAndSchedule20261122160000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE router.secret (
        name       text        PRIMARY KEY,
        sealed     text        NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now()
      )`);
    await db.query(`
      CREATE TABLE router.workflow_schedule (
        namespace    text        NOT NULL,
        name         text        NOT NULL,
        version_id   uuid        NOT NULL CONSTRAINT workflow_schedule_version_fkey REFERENCES router.workflow_version,
        kind         text        NOT NULL
                     CONSTRAINT workflow_schedule_kind_check CHECK (kind IN ('every', 'cron', 'after', 'on')),
        principal    json        NOT NULL,
        since        timestamptz NOT NULL,
        next_at      timestamptz,
        last_run     uuid,
        gathered     json,
        is_enabled   boolean     NOT NULL DEFAULT true,
        PRIMARY KEY (namespace, name)
      )`);
    await db.query(`CREATE INDEX workflow_schedule_next_idx ON router.workflow_schedule (next_at) WHERE is_enabled`);
    await db.query(`
      CREATE TABLE router.workflow_cloud_event (
        source      text        NOT NULL,
        id          text        NOT NULL,
        received_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (source, id)
      )`);
    await db.query(`CREATE INDEX workflow_cloud_event_age_idx ON router.workflow_cloud_event (received_at)`);
    await db.query(
      `CREATE INDEX workflow_run_children_idx ON router.workflow_run (parent_run)
         WHERE ended_at IS NULL AND parent_run IS NOT NULL`,
    );
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP INDEX router.workflow_run_children_idx`);
    for (const table of ['workflow_cloud_event', 'workflow_schedule', 'secret'])
      await db.query(`DROP TABLE router.${table}`);
  }
}
