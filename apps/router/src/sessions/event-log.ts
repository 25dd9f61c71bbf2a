import type { Redis } from 'ioredis';

export interface LoggedEvent {
  number: number;
  body: string;
}

export interface EventLogLimits {
  /** Events kept of one stream; the oldest go first. */
  maxEvents: number;
  /** How long a stream can be resumed after its last event, in milliseconds. */
  ttlMs: number;
}

/**
 * The events of resumable streams, in Redis: bounded in count and time, outside of the memory of the process that makes
 * them. Writing never delays the event itself.
 */
export class EventLog {
  constructor(
    private readonly redis: Redis,
    private readonly prefix: string,
    private readonly limits: EventLogLimits,
  ) {}

  /** Keeps an event. Numbers of one stream grow. */
  append(stream: string, number: number, body: string): void {
    const key = this.key(stream);
    const { maxEvents, ttlMs } = this.limits;
    this.redis
      .pipeline()
      .xadd(key, 'MAXLEN', '~', maxEvents, `${number}-1`, 'd', body)
      .pexpire(key, ttlMs)
      .exec()
      // A stream that cannot be resumed is a smaller harm than an answer that does not arrive.
      .catch(() => undefined);
  }

  /** The events after `number`, oldest first. @throws Error while Redis is not reachable */
  async after(stream: string, number: number): Promise<LoggedEvent[]> {
    const entries = await this.redis.xrange(this.key(stream), `(${number}-1`, '+');
    return entries.map(([id, [, body]]) => ({ number: Number(id.slice(0, id.indexOf('-'))), body: body ?? '' }));
  }

  drop(streams: readonly string[]): void {
    if (streams.length > 0) this.redis.unlink(...streams.map((stream) => this.key(stream))).catch(() => undefined);
  }

  private key(stream: string): string {
    return `${this.prefix}mcp:events:${stream}`;
  }
}
