import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { LOGGER } from '@mcp-router/platform';
import { AppError } from '@mcp-router/shared';
import type { Logger } from 'pino';
import { DataSource } from 'typeorm';

/** What was answered, apart from the status, which is always the same for a route. */
export interface KeptAnswer {
  body: unknown;
  headers: Record<string, string>;
}

interface Row {
  hash: string;
  answer: KeptAnswer | null;
}

const KEPT_HOURS = 24;
/** A request that has no answer after this long was lost with its gateway: the key may be used for it again. */
const LOST_AFTER_SECONDS = 120;
const FORGET_EVERY_MS = 3_600_000;

/** The rows of `gateway.idempotent_request`: one for each key of each agent, at whichever gateway it comes. */
@Injectable()
export class IdempotentRequests implements OnApplicationBootstrap, OnApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: DataSource,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => {
      this.forget().catch((err: unknown) => this.log.warn({ err }, 'old idempotency keys stay for now'));
    }, FORGET_EVERY_MS).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /**
   * Takes a key for a request.
   *
   * @returns what was answered the first time; undefined for the first time
   * @throws AppError `conflict` while the first one is being worked on, and for another request under the same key
   */
  async begin(agentId: string, key: string, hash: string): Promise<KeptAnswer | undefined> {
    const taken = await this.database.query<unknown[]>(
      `INSERT INTO gateway.idempotent_request AS r (agent_id, key, hash) VALUES ($1, $2, $3)
       ON CONFLICT (agent_id, key) DO UPDATE SET hash = excluded.hash, at = now(), answer = NULL
        WHERE r.at < now() - make_interval(hours => $4)
           OR (r.answer IS NULL AND r.hash = excluded.hash AND r.at < now() - make_interval(secs => $5))
       RETURNING key`,
      [agentId, key, hash, KEPT_HOURS, LOST_AFTER_SECONDS],
    );
    if (taken.length > 0) return undefined;
    const [row] = await this.database.query<Row[]>(
      `SELECT hash, answer FROM gateway.idempotent_request WHERE agent_id = $1 AND key = $2`,
      [agentId, key],
    );
    if (row && row.hash !== hash)
      throw new AppError('conflict', 'This Idempotency-Key was used for another request', {
        hint: 'Make a new key for each request',
      });
    if (!row?.answer)
      throw new AppError('conflict', 'The first request with this Idempotency-Key is still being worked on', {
        hint: 'Try again in a moment',
      });
    return row.answer;
  }

  async finish(agentId: string, key: string, answer: KeptAnswer): Promise<void> {
    await this.database.query(`UPDATE gateway.idempotent_request SET answer = $3 WHERE agent_id = $1 AND key = $2`, [
      agentId,
      key,
      JSON.stringify(answer),
    ]);
  }

  /** It failed: the key is free again. */
  async release(agentId: string, key: string): Promise<void> {
    await this.database.query(
      `DELETE FROM gateway.idempotent_request WHERE agent_id = $1 AND key = $2 AND answer IS NULL`,
      [agentId, key],
    );
  }

  private async forget(): Promise<void> {
    await this.database.query(`DELETE FROM gateway.idempotent_request WHERE at < now() - make_interval(hours => $1)`, [
      KEPT_HOURS,
    ]);
  }
}
