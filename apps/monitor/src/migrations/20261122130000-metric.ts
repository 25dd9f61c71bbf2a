import type { MigrationInterface, QueryRunner } from 'typeorm';

const TIERS = ['metric_10s', 'metric_1m', 'metric_1h'];

/** Metrics in three tiers of resolution; histograms are kept whole, so that any of them merge. */
export class Metric20261122130000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE monitor.metric_series (
        id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        key    text   NOT NULL CONSTRAINT metric_series_key_key UNIQUE,
        name   text   NOT NULL,
        type   text   NOT NULL,
        labels jsonb  NOT NULL
      )`);
    await db.query(`CREATE INDEX metric_series_name_idx ON monitor.metric_series (name)`);
    for (const tier of TIERS) {
      await db.query(`
        CREATE TABLE monitor.${tier} (
          series_id bigint           NOT NULL,
          at        timestamptz      NOT NULL,
          count     double precision NOT NULL,
          sum       double precision NOT NULL,
          min       double precision NOT NULL,
          max       double precision NOT NULL,
          zeros     double precision NOT NULL,
          offset_   integer          NOT NULL,
          counts    double precision[],
          PRIMARY KEY (series_id, at)
        ) PARTITION BY RANGE (at)`);
      await db.query(`CREATE TABLE monitor.${tier}_default PARTITION OF monitor.${tier} DEFAULT`);
    }
    // Buckets of a coarser tier whose finer points changed since they were last computed.
    await db.query(`CREATE TABLE monitor.metric_dirty (tier text, at timestamptz, PRIMARY KEY (tier, at))`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE monitor.metric_dirty`);
    for (const tier of TIERS) await db.query(`DROP TABLE monitor.${tier}`);
    await db.query(`DROP TABLE monitor.metric_series`);
  }
}
