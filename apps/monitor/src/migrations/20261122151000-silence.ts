import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Alerts that somebody looks after, silences, and secrets of notifiers that are stored encrypted. */
export class Silence20261122151000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE monitor.alert
        ADD COLUMN id              uuid    NOT NULL DEFAULT gen_random_uuid() CONSTRAINT alert_id_key UNIQUE,
        ADD COLUMN muted           text,
        ADD COLUMN notified        boolean NOT NULL DEFAULT false,
        ADD COLUMN acknowledged_by text,
        ADD COLUMN acknowledged_at timestamptz`);
    await db.query(`
      CREATE TABLE monitor.silence (
        id         uuid        PRIMARY KEY,
        rule       text,
        labels     jsonb       NOT NULL,
        starts_at  timestamptz NOT NULL,
        ends_at    timestamptz NOT NULL,
        comment    text        NOT NULL,
        created_by text        NOT NULL
      )`);
    await db.query(`CREATE INDEX silence_ends_at_idx ON monitor.silence (ends_at)`);
    await db.query(`ALTER TABLE monitor.notifier ADD COLUMN is_sealed boolean NOT NULL DEFAULT false`);
  }

  async down(db: QueryRunner): Promise<void> {
    // Sealed secrets mean nothing to a release before this one.
    await db.query(`DELETE FROM monitor.notifier WHERE is_sealed`);
    await db.query(`ALTER TABLE monitor.notifier DROP COLUMN is_sealed`);
    await db.query(`DROP TABLE monitor.silence`);
    await db.query(`
      ALTER TABLE monitor.alert DROP COLUMN id, DROP COLUMN muted, DROP COLUMN notified,
        DROP COLUMN acknowledged_by, DROP COLUMN acknowledged_at`);
  }
}
