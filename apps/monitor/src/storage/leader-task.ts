import type { DataSource } from 'typeorm';
import { Leader } from './leader';

export interface LeaderWork {
  everyMs: number;
  /** How long after each multiple of `everyMs` it is done. */
  delayMs?: number;
  /** What the one replica does that leads. */
  lead: () => Promise<void>;
  /** What all others do instead. */
  follow?: () => void;
  onFailure: (error: unknown) => void;
}

/** Work that one of all replicas does again and again, at the same times of the clock whichever of them it is. */
export class LeaderTask {
  private readonly leader: Leader;
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();

  constructor(
    database: DataSource,
    task: string,
    private readonly work: LeaderWork,
  ) {
    this.leader = new Leader(database, task);
  }

  start(): void {
    const { everyMs, delayMs = 0, onFailure } = this.work;
    const untilNext = everyMs - ((Date.now() - delayMs) % everyMs);
    this.timer = setTimeout(() => {
      this.running = this.run()
        .catch(onFailure)
        .then(() => {
          if (this.timer) this.start();
        });
    }, untilNext).unref();
  }

  /** Resolves when the work at hand is done and another replica may lead. */
  async stop(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    await this.running;
    await this.leader.resign();
  }

  private async run(): Promise<void> {
    if (await this.leader.leads()) await this.work.lead();
    else this.work.follow?.();
  }
}
