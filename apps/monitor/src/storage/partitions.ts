import type { DataSource } from 'typeorm';

const DAY_MS = 86_400_000;
/** Partitions are made this many days ahead: a monitor that is down for less loses nothing to the default partition. */
const AHEAD = 3;

/** `monitor.<table>_20261122` */
const nameOf = (table: string, day: Date): string => `${table}_${day.toISOString().slice(0, 10).replaceAll('-', '')}`;

/**
 * Makes the daily partitions of `monitor.<table>` from yesterday to three days ahead, and drops those that ended more than
 * `keepDays` ago. Safe to run in several replicas at once.
 *
 * @returns the names of the dropped partitions
 */
export async function maintainPartitions(
  database: DataSource,
  table: string,
  keepDays: number,
  now = new Date(),
): Promise<string[]> {
  const today = Math.floor(now.getTime() / DAY_MS) * DAY_MS;
  return database.transaction(async (db) => {
    await db.query(`SELECT pg_advisory_xact_lock(hashtext($1))`, [`mcp-router:partitions:${table}`]);
    const rows: { name: string }[] = await db.query(
      `SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = to_regclass($1)`,
      [`monitor.${table}`],
    );
    const existing = new Set(rows.map(({ name }) => name));
    for (let offset = -1; offset <= AHEAD; offset++) {
      const day = new Date(today + offset * DAY_MS);
      if (existing.has(nameOf(table, day))) continue;
      await createPartition((sql) => db.query(sql), table, day);
    }
    const oldest = nameOf(table, new Date(today - keepDays * DAY_MS));
    const dropped = [...existing].filter((name) => /_\d{8}$/.test(name) && name < oldest);
    for (const name of dropped) await db.query(`DROP TABLE monitor.${name}`);
    return dropped;
  });
}

/** Rows of that day that came while there was no partition move over from the default one. */
async function createPartition(query: (sql: string) => Promise<unknown>, table: string, day: Date): Promise<void> {
  const from = day.toISOString();
  const to = new Date(day.getTime() + DAY_MS).toISOString();
  const name = nameOf(table, day);
  await query(`CREATE TABLE monitor.${name} (LIKE monitor.${table} INCLUDING DEFAULTS)`);
  await query(
    `WITH moved AS (DELETE FROM monitor.${table}_default WHERE at >= '${from}' AND at < '${to}' RETURNING *)
     INSERT INTO monitor.${name} SELECT * FROM moved`,
  );
  await query(`ALTER TABLE monitor.${table} ATTACH PARTITION monitor.${name} FOR VALUES FROM ('${from}') TO ('${to}')`);
}
