import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Alerts that a notifier is still to be sent: written with the alert, gone when it was taken or given up. */
export class WebhookDelivery20261122180000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE monitor.webhook_delivery (
        id         uuid        PRIMARY KEY,
        notifier   text        NOT NULL REFERENCES monitor.notifier ON DELETE CASCADE,
        body       text        NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
      )`);
    await db.query(`CREATE INDEX webhook_delivery_notifier_idx ON monitor.webhook_delivery (notifier)`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE monitor.webhook_delivery`);
  }
}
