import { readFileSync } from 'node:fs';

interface Database {
  query(sql: string): Promise<unknown>;
}

/** The process that started the backend which answers. */
export async function postmasterOf(database: Database): Promise<number> {
  const rows = (await database.query('SELECT pg_backend_pid() AS pid')) as { pid: number }[];
  const stat = readFileSync(`/proc/${rows[0]?.pid ?? 0}/stat`, 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}
