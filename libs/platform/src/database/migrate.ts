import { Client } from 'pg';
import { DataSource } from 'typeorm';
import { dataSourceOptions, type DatabaseSetup } from './database.module';

/**
 * Runs the migrations of one app's schema under an advisory lock: of replicas that start at once each migration runs in
 * exactly one, the others wait. Safe for rolling deploys as long as a migration only adds what the previous release ignores.
 *
 * @throws Error when the schema holds migrations that this release does not know: a newer release has been here
 */
export async function migrate(setup: DatabaseSetup): Promise<void> {
  const guard = new Client({ connectionString: setup.url, connectionTimeoutMillis: 5_000 });
  await guard.connect();
  try {
    await guard.query('SELECT pg_advisory_lock(hashtext($1))', [`mcp-router:${setup.schema}`]);
    await guard.query(`CREATE SCHEMA IF NOT EXISTS "${setup.schema}"`);
    await refuseNewerSchema(guard, setup);
    const database = new DataSource({ ...dataSourceOptions(setup), poolSize: 1 });
    await database.initialize();
    try {
      await database.runMigrations({ transaction: 'each' });
    } finally {
      await database.destroy();
    }
  } finally {
    await guard.end();
  }
}

async function refuseNewerSchema(guard: Client, { schema, migrations }: DatabaseSetup): Promise<void> {
  const table = await guard.query<{ exists: boolean }>('SELECT to_regclass($1) IS NOT NULL AS exists', [
    `"${schema}".migrations`,
  ]);
  if (!table.rows[0]?.exists) return;
  const known = new Set(migrations.map((migration) => migration.name));
  const applied = await guard.query<{ name: string }>(`SELECT name FROM "${schema}".migrations ORDER BY id`);
  const unknown = applied.rows.map((row) => row.name).filter((name) => !known.has(name));
  if (unknown.length === 0) return;
  throw new Error(
    `The database schema "${schema}" is newer than this release: it has ${unknown.join(', ')}. ` +
      'Start the release that made it, or a later one.',
  );
}
