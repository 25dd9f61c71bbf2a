import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { DataSource } from 'typeorm';
import { closedAfterwards } from './left-open';
import { dataSourceOptions, openDatabase, type DatabaseSetup } from '../database/database.module';

export interface TestDatabase {
  url: string;
  drop: () => Promise<void>;
}

/** A new empty database on the server of `DATABASE_URL`, for one test file; `drop` ends its connections too. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const server = process.env['DATABASE_URL'];
  if (server === undefined) throw new Error('DATABASE_URL is not set: run the tests with "npm test"');
  const name = `test_${randomBytes(6).toString('hex')}`;
  await onServer(server, `CREATE DATABASE ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, drop: closedAfterwards(() => onServer(server, `DROP DATABASE ${name} WITH (FORCE)`)) };
}

async function onServer(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

export type SchemaSetup = Omit<DatabaseSetup, 'url' | 'poolSize'>;

/** An app's schema, migrated, in a database of its own. */
export async function openTestDatabase(
  setup: SchemaSetup,
): Promise<{ database: DataSource; url: string; close: () => Promise<void> }> {
  const { url, drop } = await createTestDatabase();
  const database = await openDatabase({ ...setup, url, poolSize: 4 });
  const close = closedAfterwards(async () => {
    await database.destroy();
    await drop();
  });
  return { database, url, close };
}

/**
 * What must hold of every app's migrations: entities and tables agree; each migration goes down and up again, also with
 * rows in the tables (`fill`), and leaves the schema as it found it.
 */
export async function checkMigrations(
  setup: SchemaSetup,
  fill: (database: DataSource) => Promise<void>,
): Promise<void> {
  const { database, url, close } = await openTestDatabase(setup);
  try {
    const drift = await database.driver.createSchemaBuilder().log();
    expect(drift.upQueries.map(({ query }) => query)).toEqual([]);
    const before = await columns(database, setup.schema);
    await fill(database);
    const bare = new DataSource({ ...dataSourceOptions({ ...setup, url, poolSize: 1 }) });
    await bare.initialize();
    for (const _ of setup.migrations) await bare.undoLastMigration({ transaction: 'each' });
    expect(await columns(bare, setup.schema)).toEqual([]);
    await bare.runMigrations({ transaction: 'each' });
    expect(await columns(bare, setup.schema)).toEqual(before);
    await bare.destroy();
  } finally {
    await close();
  }
}

function columns(database: DataSource, schema: string): Promise<unknown> {
  return database.query(
    `SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
      WHERE table_schema = $1 AND table_name <> 'migrations' ORDER BY 1, 2`,
    [schema],
  );
}
