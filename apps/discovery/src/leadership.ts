import { Inject, Injectable } from '@nestjs/common';
import { Bus, ENV, LOGGER } from '@mcp-router/platform';
import { Client } from 'pg';
import type { Logger } from 'pino';
import type { DiscoveryEnv } from './config';

const RETRY_MS = 1000;
const LOCK = 'mcp-router:discovery:leader';

/**
 * Lets one replica at a time follow the sources: whoever holds an advisory lock on a connection of its own. When that
 * connection is lost, so is the lead, and another replica has it within about a second.
 */
@Injectable()
export class Leadership {
  private client: Client | undefined;
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;
  private turn: Promise<void> = Promise.resolve();
  private isLeading = false;

  constructor(
    private readonly bus: Bus,
    @Inject(ENV) private readonly env: DiscoveryEnv,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  get isLeader(): boolean {
    return this.isLeading;
  }

  /** Runs `lead` whenever this replica has the lead, and `resign` when it is over; never both at once. */
  start(lead: () => Promise<void>, resign: () => Promise<void>): void {
    const attempt = async () => {
      if (this.isStopped) return;
      try {
        if (await this.acquire(resign)) {
          this.log.info('this replica follows the sources');
          await lead();
          return;
        }
      } catch (error) {
        this.log.warn({ err: error }, 'the lead cannot be taken');
        await this.release(resign);
      }
      this.again(attempt);
    };
    this.onLost = () => {
      this.turn = this.turn.then(() => this.release(resign)).then(() => this.again(attempt));
    };
    this.turn = attempt();
  }

  async stop(resign: () => Promise<void>): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.timer);
    await this.turn;
    await this.release(resign);
  }

  private onLost: () => void = () => undefined;

  private again(attempt: () => Promise<void>): void {
    if (this.isStopped) return;
    this.timer = setTimeout(() => {
      this.turn = this.turn.then(attempt);
    }, RETRY_MS);
  }

  private async acquire(resign: () => Promise<void>): Promise<boolean> {
    const client = new Client({
      connectionString: this.env.DATABASE_URL,
      connectionTimeoutMillis: 5000,
      keepAlive: true,
      application_name: 'mcp-router discovery lead',
    });
    let isOver = false;
    const over = () => {
      if (isOver) return;
      isOver = true;
      if (this.client === client) this.onLost();
    };
    client.on('error', over);
    client.on('end', over);
    await client.connect();
    try {
      const { rows } = await client.query<{ got: boolean }>('SELECT pg_try_advisory_lock(hashtext($1)) AS got', [LOCK]);
      if (rows[0]?.got) {
        await client.query(
          `INSERT INTO discovery.leader (one, instance) VALUES (true, $1)
           ON CONFLICT (one) DO UPDATE SET instance = excluded.instance, since = now()`,
          [this.bus.instanceId],
        );
        this.client = client;
        this.isLeading = true;
        return true;
      }
    } catch (error) {
      await client.end().catch(() => undefined);
      await this.release(resign);
      throw error;
    }
    await client.end();
    return false;
  }

  private async release(resign: () => Promise<void>): Promise<void> {
    const { client } = this;
    this.client = undefined;
    if (!this.isLeading) return;
    this.isLeading = false;
    await resign();
    await client?.end().catch(() => undefined);
  }
}
