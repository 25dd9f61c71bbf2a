import type { MigrationInterface, QueryRunner } from 'typeorm';
import { packingIn } from './20261122153000-metric-buckets';

const TIERS = ['metric_10s', 'metric_1m', 'metric_1h'];

/**
 * What replicas of a release before packed buckets go on writing while this one is deployed is packed as it comes in. The
 * column and the trigger can go when no such release is left.
 */
export class MetricCounts20261122181000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(packingIn('monitor'));
    await db.query(`
      CREATE FUNCTION monitor.pack_counts() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        NEW.buckets := monitor.packed(NEW.counts);
        RETURN NEW;
      END $$`);
    for (const tier of TIERS) {
      await db.query(`ALTER TABLE monitor.${tier} ADD COLUMN IF NOT EXISTS counts double precision[]`);
      await db.query(`
        CREATE TRIGGER pack_counts BEFORE INSERT OR UPDATE OF counts ON monitor.${tier}
          FOR EACH ROW WHEN (NEW.counts IS NOT NULL) EXECUTE FUNCTION monitor.pack_counts()`);
    }
  }

  async down(db: QueryRunner): Promise<void> {
    for (const tier of TIERS) await db.query(`DROP TRIGGER pack_counts ON monitor.${tier}`);
    await db.query(`DROP FUNCTION monitor.pack_counts`);
    await db.query(`DROP FUNCTION monitor.packed`);
  }
}
