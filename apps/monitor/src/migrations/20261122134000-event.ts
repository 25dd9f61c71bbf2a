import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Events, append-only, a partition a day. */
export class Event20261122134000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE monitor.event (
        seq     bigint      NOT NULL,
        id      uuid        NOT NULL,
        at      timestamptz NOT NULL,
        topic   text        NOT NULL,
        type    text        NOT NULL,
        server  text,
        subject text,
        actor   text,
        data    jsonb,
        PRIMARY KEY (at, id)
      ) PARTITION BY RANGE (at)`);
    await db.query(`CREATE INDEX event_seq_idx ON monitor.event (seq)`);
    await db.query(`CREATE INDEX event_server_seq_idx ON monitor.event (server, seq)`);
    await db.query(`CREATE TABLE monitor.event_default PARTITION OF monitor.event DEFAULT`);
    // The last number given out. Whoever writes locks it until the commit, so numbers become readable in their order.
    await db.query(
      `CREATE TABLE monitor.event_head (one boolean PRIMARY KEY DEFAULT true CHECK (one), seq bigint NOT NULL)`,
    );
    await db.query(`INSERT INTO monitor.event_head (seq) VALUES (0)`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE monitor.event_head`);
    await db.query(`DROP TABLE monitor.event`);
  }
}
