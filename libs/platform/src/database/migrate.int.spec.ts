import { DataSource, type MigrationInterface, type QueryRunner } from 'typeorm';
import { createTestDatabase, type TestDatabase } from '../testing/database';
import { migrate } from './migrate';
import { openDatabase, type DatabaseSetup } from './database.module';

class First20260101000000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`CREATE TABLE sample.thing (id int PRIMARY KEY)`);
    await db.query(`INSERT INTO sample.thing VALUES (1)`);
  }
  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE sample.thing`);
  }
}

class Second20260102000000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`ALTER TABLE sample.thing ADD COLUMN name text`);
  }
  async down(db: QueryRunner): Promise<void> {
    await db.query(`ALTER TABLE sample.thing DROP COLUMN name`);
  }
}

describe('migrations at start', () => {
  let test: TestDatabase;
  const setup = (): DatabaseSetup => ({
    schema: 'sample',
    url: test.url,
    poolSize: 2,
    entities: [],
    migrations: [First20260101000000, Second20260102000000],
  });

  beforeEach(async () => {
    test = await createTestDatabase();
  });
  afterEach(() => test.drop());

  it('runs each migration once when five replicas start at once', async () => {
    await Promise.all(Array.from({ length: 5 }, () => migrate(setup())));
    const database = await openDatabase(setup());
    try {
      expect(await database.query('SELECT count(*)::int AS n FROM sample.thing')).toEqual([{ n: 1 }]);
      expect(await database.query('SELECT name FROM sample.migrations ORDER BY id')).toEqual([
        { name: 'First20260101000000' },
        { name: 'Second20260102000000' },
      ]);
    } finally {
      await database.destroy();
    }
  });

  it('refuses a schema that a newer release made, and names what it does not know', async () => {
    await migrate(setup());
    const older = { ...setup(), migrations: [First20260101000000] };
    await expect(migrate(older)).rejects.toThrow(/"sample" is newer than this release: it has Second20260102000000/);
  });

  it('leaves nothing half-done when a migration fails', async () => {
    class Broken20260103000000 implements MigrationInterface {
      async up(db: QueryRunner): Promise<void> {
        await db.query(`CREATE TABLE sample.half (id int)`);
        await db.query(`SELECT * FROM sample.no_such_table`);
      }
      async down(): Promise<void> {}
    }
    const broken = { ...setup(), migrations: [...setup().migrations, Broken20260103000000] };
    await expect(migrate(broken)).rejects.toThrow('no_such_table');
    const database = new DataSource({ type: 'postgres', url: test.url });
    await database.initialize();
    try {
      expect(await database.query(`SELECT to_regclass('sample.half') AS half`)).toEqual([{ half: null }]);
    } finally {
      await database.destroy();
    }
  });

  it('says that the database is away, as an error of the table', async () => {
    const database = await openDatabase(setup());
    await test.drop();
    await expect(database.query('SELECT 1')).rejects.toMatchObject({ code: 'database_unavailable' });
    await database.destroy();
    test = await createTestDatabase();
  });
});
