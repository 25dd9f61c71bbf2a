import type { MigrationInterface, QueryRunner } from 'typeorm';
import { v7 as uuid } from 'uuid';
import { DEFAULT_RULES } from '../alerts/default-rules';

/** Rules, where their alerts stand, and whom they are sent to. */
export class Alert20261122135000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE monitor.alert_rule (
        id         uuid        PRIMARY KEY,
        name       text        NOT NULL CONSTRAINT alert_rule_name_key UNIQUE,
        definition jsonb       NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now()
      )`);
    await db.query(`
      CREATE TABLE monitor.alert (
        rule_id     uuid        NOT NULL REFERENCES monitor.alert_rule ON DELETE CASCADE,
        key         text        NOT NULL,
        labels      jsonb       NOT NULL,
        state       text        NOT NULL,
        since       timestamptz NOT NULL,
        quiet_since timestamptz,
        value       double precision,
        updated_at  timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (rule_id, key)
      )`);
    await db.query(`
      CREATE TABLE monitor.notifier (
        name             text        PRIMARY KEY,
        url              text        NOT NULL,
        secret           text        NOT NULL,
        severities       text[]      NOT NULL,
        delivered        integer     NOT NULL DEFAULT 0,
        failed           integer     NOT NULL DEFAULT 0,
        last_delivery_at timestamptz,
        last_error       text
      )`);
    for (const rule of DEFAULT_RULES)
      await db.query(`INSERT INTO monitor.alert_rule (id, name, definition) VALUES ($1, $2, $3)`, [
        uuid(),
        rule.name,
        rule,
      ]);
  }

  async down(db: QueryRunner): Promise<void> {
    for (const table of ['notifier', 'alert', 'alert_rule']) await db.query(`DROP TABLE monitor.${table}`);
  }
}
