import type { DynamicModule } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AppError } from '@mcp-router/shared';
import { DataSource, type MigrationInterface } from 'typeorm';
import type { PostgresDataSourceOptions } from 'typeorm/driver/postgres/PostgresDataSourceOptions.js';
import { migrate } from './migrate';

export type Migration = new () => MigrationInterface;

export interface DatabaseSetup {
  /** The app's own schema; it opens no other. */
  schema: string;
  url: string;
  poolSize: number;
  entities: (new () => object)[];
  migrations: Migration[];
}

/** TypeORM's options for one app: its schema, explicit entities and migrations, never `synchronize`. */
export function dataSourceOptions(setup: DatabaseSetup): PostgresDataSourceOptions {
  return {
    type: 'postgres',
    url: setup.url,
    schema: setup.schema,
    entities: setup.entities,
    migrations: setup.migrations,
    migrationsTableName: 'migrations',
    synchronize: false,
    poolSize: setup.poolSize,
    extra: { connectionTimeoutMillis: 5_000, application_name: `mcp-router ${setup.schema}` },
  };
}

/**
 * Opens the app's schema: creates it, runs the migrations that are missing (one process at a time), then connects.
 *
 * @throws Error when the schema is newer than this release, or a migration fails
 */
export async function openDatabase(setup: DatabaseSetup): Promise<DataSource> {
  await migrate(setup);
  const database = new DataSource(dataSourceOptions(setup));
  await database.initialize();
  // TypeORM rejects with whatever the socket said; callers and health need to know that it was the database.
  const driver: { obtainMasterConnection(): Promise<unknown> } = database.driver;
  const connect = driver.obtainMasterConnection.bind(driver);
  driver.obtainMasterConnection = () =>
    connect().catch((cause: unknown) => {
      throw new AppError('database_unavailable', 'The database does not answer', {
        cause,
        hint: 'Try again in a few seconds',
      });
    });
  return database;
}

export function databaseModule(setup: DatabaseSetup): DynamicModule {
  return TypeOrmModule.forRootAsync({
    useFactory: () => ({ ...dataSourceOptions(setup), retryAttempts: 10, retryDelay: 1_000 }),
    dataSourceFactory: () => openDatabase(setup),
  });
}
