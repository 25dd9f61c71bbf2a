import type { Logger } from 'pino';

const EVERY_MS = 3_600_000;

/** Makes and drops partitions at the start and then every hour. */
export class Upkeep {
  private timer: NodeJS.Timeout | undefined;

  /** @param maintain resolves to the partitions that were dropped @param what is in them, for the log */
  constructor(
    private readonly what: string,
    private readonly maintain: () => Promise<string[]>,
    private readonly logger: Logger,
  ) {}

  /** Resolves when it was done for the first time; a failure of that is the caller's. */
  async start(): Promise<void> {
    await this.run();
    this.timer = setInterval(() => {
      void this.run().catch((err: unknown) =>
        this.logger.error({ err }, `partitions of ${this.what} were not maintained`),
      );
    }, EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async run(): Promise<void> {
    const dropped = await this.maintain();
    if (dropped.length > 0) this.logger.info({ dropped }, `dropped old partitions of ${this.what}`);
  }
}
