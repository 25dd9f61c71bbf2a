import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Answers to requests that carried an `Idempotency-Key`. */
export class IdempotentRequest20261122164000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE gateway.idempotent_request (
        agent_id text        NOT NULL,
        key      text        NOT NULL,
        -- Of method, path and body: another request under the same key is refused.
        hash     text        NOT NULL,
        at       timestamptz NOT NULL DEFAULT now(),
        -- What was answered; null while it is being worked on.
        answer   jsonb,
        PRIMARY KEY (agent_id, key)
      )`);
    await db.query(`CREATE INDEX idempotent_request_at_idx ON gateway.idempotent_request (at)`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE gateway.idempotent_request`);
  }
}
