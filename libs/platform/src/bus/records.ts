import { Logger } from '@nestjs/common';
import type { RecordStream } from '@mcp-router/shared';
import type { RedisLink } from './link';

const FLUSH_MS = 5;
const FLUSH_ENTRIES = 500;
/** What is kept while Redis is away; past it the oldest are dropped and counted. */
const MAX_BUFFERED = 20_000;
const MAX_BUFFERED_CHARACTERS = 33_554_432;
/** Entries that a stream keeps: what its consumers may be behind. */
const MAX_LENGTH = 100_000;

/** Writes records in the background, many at a time. */
export class Records {
  dropped = 0;
  private buffer: [key: string, json: string][] = [];
  private characters = 0;
  private timer: NodeJS.Timeout | undefined;
  private flushing: Promise<void> | undefined;
  private reportedDrops = 0;
  private readonly logger = new Logger('Bus');

  constructor(private readonly link: RedisLink) {
    link.onUp(() => this.schedule());
  }

  add({ stream }: RecordStream, payload: unknown): void {
    let json: string;
    try {
      json = JSON.stringify(payload);
    } catch (error) {
      this.dropped++;
      this.logger.error(error, `A record of ${stream} is not JSON`);
      return;
    }
    this.buffer.push([streamKey(this.link, stream), json]);
    this.characters += json.length;
    if (this.buffer.length > MAX_BUFFERED || this.characters > MAX_BUFFERED_CHARACTERS) this.makeRoom();
    this.schedule();
  }

  /** Writes what is left, if Redis is there. */
  async close(): Promise<void> {
    clearTimeout(this.timer);
    while (this.buffer.length > 0 && this.link.isUp) await (this.flushing ?? this.flush());
    this.dropped += this.buffer.length;
    this.report();
  }

  private schedule(): void {
    if (this.timer || this.flushing || this.buffer.length === 0 || !this.link.isUp) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.flushing = this.flush().finally(() => {
        this.flushing = undefined;
        this.schedule();
      });
    }, FLUSH_MS);
  }

  private async flush(): Promise<void> {
    const batch = this.buffer.splice(0, FLUSH_ENTRIES);
    const pipeline = this.link.redis.pipeline();
    for (const [key, json] of batch) {
      this.characters -= json.length;
      pipeline.xadd(key, 'MAXLEN', '~', MAX_LENGTH, '*', 'payload', json);
    }
    try {
      const results = (await pipeline.exec()) ?? [];
      const failed = results.filter(([error]) => error).length;
      if (failed > 0) this.logger.error(results.find(([error]) => error)?.[0], `${failed} records were not written`);
      this.dropped += failed;
    } catch {
      // Whether Redis has them is not known: written twice is better than lost, the payload's id tells.
      this.buffer = [...batch, ...this.buffer];
      for (const [, json] of batch) this.characters += json.length;
      if (this.buffer.length > MAX_BUFFERED) this.makeRoom();
    }
    this.report();
  }

  private makeRoom(): void {
    const gone = this.buffer.splice(0, Math.ceil(this.buffer.length / 20));
    for (const [, json] of gone) this.characters -= json.length;
    this.dropped += gone.length;
  }

  private report(): void {
    if (this.dropped === this.reportedDrops) return;
    this.logger.warn(`${this.dropped - this.reportedDrops} records were lost: Redis was away for too long`);
    this.reportedDrops = this.dropped;
  }
}

export function streamKey({ prefix }: RedisLink, stream: string): string {
  return `${prefix}stream:${stream}`;
}
