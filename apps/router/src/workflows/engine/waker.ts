import { Inject, Injectable } from '@nestjs/common';
import { ENV, LOGGER } from '@mcp-router/platform';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { RouterEnv } from '../../config';

const QUEUE = 'workflow-wakes';
/** What is farther away is left to the sweep, so that long waits do not fill Redis. */
const FARTHEST_MS = 3_600_000;

/** Tells routers when a run is due. All that it knows is in the runs' table too, so it may lose everything. */
@Injectable()
export class Waker {
  private queue: Queue | undefined;
  private worker: Worker | undefined;
  private connections: Redis[] = [];

  constructor(
    @Inject(ENV) private readonly env: RouterEnv,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  start(wake: (runId: string) => Promise<void>): void {
    const prefix = `${this.env.REDIS_PREFIX}bull`;
    const failed = (error: Error) => this.logger.debug({ err: error }, 'wakes of workflows');
    this.queue = new Queue(QUEUE, { connection: this.connect(), prefix });
    this.worker = new Worker<{ run: string }>(QUEUE, ({ data }) => wake(data.run), {
      connection: this.connect(),
      prefix,
      concurrency: 16,
    });
    this.queue.on('error', failed);
    this.worker.on('error', failed);
  }

  /** Never waits and never fails: a wake that is lost comes from the sweep. */
  at(runId: string, due: number): void {
    if (due - Date.now() > FARTHEST_MS) return;
    this.queue
      ?.add(
        'wake',
        { run: runId },
        {
          jobId: `${runId}-${due}`,
          delay: Math.max(0, due - Date.now()),
          removeOnComplete: true,
          removeOnFail: true,
        },
      )
      .catch(() => undefined);
  }

  async close(): Promise<void> {
    await this.worker?.close(true).catch(() => undefined);
    await this.queue?.close().catch(() => undefined);
    for (const connection of this.connections) connection.disconnect();
  }

  private connect(): Redis {
    const connection = new Redis(this.env.REDIS_URL, {
      maxRetriesPerRequest: null,
      retryStrategy: () => 500,
    });
    connection.on('error', () => undefined);
    this.connections.push(connection);
    return connection;
  }
}
