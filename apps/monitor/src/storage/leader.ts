import type { DataSource, QueryRunner } from 'typeorm';

/**
 * Of all replicas at most one leads a task: the one whose database session holds an advisory lock. The lock ends with the
 * session, so a killed leader is followed at once.
 */
export class Leader {
  private session: QueryRunner | undefined;
  private isLeader = false;

  constructor(
    private readonly database: DataSource,
    private readonly task: string,
  ) {}

  /** Whether this replica leads now; it takes the lead if nobody has it. */
  async leads(): Promise<boolean> {
    const session = (this.session ??= this.database.createQueryRunner());
    try {
      // A leader asks too: the answer shows that the session, and the lock with it, is still there.
      const sql = this.isLeader ? 'SELECT true AS leads' : 'SELECT pg_try_advisory_lock(hashtext($1)) AS leads';
      const rows = (await session.query(sql, this.isLeader ? [] : [`mcp-router:leader:${this.task}`])) as {
        leads: boolean;
      }[];
      this.isLeader = rows[0]?.leads === true;
      return this.isLeader;
    } catch (error) {
      await this.resign();
      throw error;
    }
  }

  /** Gives the session, and the lock with it, back. */
  async resign(): Promise<void> {
    const { session } = this;
    this.session = undefined;
    this.isLeader = false;
    await session?.query('SELECT pg_advisory_unlock_all()').catch(() => undefined);
    await session?.release().catch(() => undefined);
  }
}
