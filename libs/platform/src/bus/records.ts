import { Logger } from '@nestjs/common';
import type { RecordStream } from '@mcp-router/shared';
import type { RedisLink } from './link';
import { Pack } from './packs';

const FLUSH_PACKS = 5;
/** What is kept while Redis is away; past it the oldest are dropped and counted. */
const MAX_BUFFERED = 20_000;
const MAX_BUFFERED_BYTES = 33_554_432;
/** Answers of a Redis that cannot write now and will again. */
const NOT_NOW = /^(LOADING|OOM|READONLY|MISCONF|MASTERDOWN|NOREPLICAS|TRYAGAIN|CLUSTERDOWN)/;
const RETRY_MS = 500;

/** The part of its entries that a stream keeps each time it is found too large. */
const BOUND_STEP = 0.9;
const BOUND_MS = 1_000;

/** Writes records in the background, many at a time. */
export class Records {
  dropped = 0;
  /** What waits to be written, the oldest first. */
  private packs: Pack[] = [];
  /** Of those the one of each stream that is not full. */
  private readonly open = new Map<RecordStream, Pack>();
  private timer: NodeJS.Timeout | undefined;
  private dueAt = 0;
  /** The shortest time that one of the records that wait may wait. */
  private patienceMs = Infinity;
  private flushing: Promise<void> | undefined;
  private reportedDrops = 0;
  /** When the length of a stream was last looked at. */
  private readonly boundedAt = new Map<string, number>();
  private readonly logger = new Logger('Bus');

  constructor(private readonly link: RedisLink) {
    link.onUp(() => this.schedule());
  }

  add(stream: RecordStream, record: Record<string, unknown>): void {
    try {
      if (this.open.get(stream)?.add(record) !== true) this.begin(stream).add(record);
    } catch (error) {
      this.dropped++;
      this.logger.error(error, `A record of ${stream.stream} is not JSON`);
      return;
    }
    this.patienceMs = Math.min(this.patienceMs, stream.gatherMs);
    this.schedule(this.patienceMs);
  }

  /** Writes what is left, if Redis is there. */
  async close(): Promise<void> {
    clearTimeout(this.timer);
    let isWritten = true;
    while (this.packs.length > 0 && this.link.isUp && isWritten)
      isWritten = await (this.flushing?.then(() => true) ?? this.flush());
    this.dropped += countOf(this.packs);
    this.report();
  }

  private begin(stream: RecordStream): Pack {
    const pack = new Pack(stream);
    this.open.set(stream, pack);
    this.packs.push(pack);
    this.makeRoom();
    return pack;
  }

  private schedule(afterMs = 0): void {
    if (this.flushing || this.packs.length === 0 || !this.link.isUp) return;
    const dueAt = performance.now() + afterMs;
    if (this.timer && this.dueAt <= dueAt) return;
    clearTimeout(this.timer);
    this.dueAt = dueAt;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.flushing = this.flush().then((isWritten) => {
        this.flushing = undefined;
        this.schedule(isWritten ? this.patienceMs : RETRY_MS);
      });
    }, afterMs);
  }

  /** @returns whether Redis took what it was given; what it could not take now waits again */
  private async flush(): Promise<boolean> {
    const taken = this.packs.splice(0, FLUSH_PACKS);
    for (const pack of taken) if (this.open.get(pack.stream) === pack) this.open.delete(pack.stream);
    // A pack is empty if its first record was not JSON.
    const batch = taken.filter(({ count }) => count > 0);
    this.patienceMs = this.packs.length > 0 ? 0 : Infinity;
    const pipeline = this.link.redis.pipeline();
    for (const { stream, entry } of batch)
      pipeline.xadd(streamKey(this.link, stream.stream), 'MAXLEN', '~', stream.maxWaiting, '*', 'pack', entry);
    let again = batch;
    try {
      const results = (await pipeline.exec()) ?? [];
      const errorOf = (at: number) => results[at]?.[0] ?? undefined;
      const refused = batch.filter((_, at) => errorOf(at) !== undefined);
      again = batch.filter((_, at) => isWorthAnotherTry(errorOf(at)));
      const count = countOf(refused);
      if (count > 0) this.logger.error(results.find(([error]) => error)?.[0], `${count} records were not written`);
      this.dropped += count - countOf(again);
      await this.bound(batch);
    } catch {
      // The connection broke.
    }
    this.packs.unshift(...again);
    this.makeRoom();
    this.report();
    return again.length === 0;
  }

  /** The oldest entries of a stream go when it takes more room than it may; looked at once a second. */
  private async bound(batch: readonly Pack[]): Promise<void> {
    const now = performance.now();
    for (const { stream, maxBytes } of new Set(batch.map((pack) => pack.stream))) {
      const key = streamKey(this.link, stream);
      if (now - (this.boundedAt.get(key) ?? -Infinity) < BOUND_MS) continue;
      this.boundedAt.set(key, now);
      const { redis } = this.link;
      // In small steps, since entries of a busy moment are far larger than others.
      while (((await redis.memory('USAGE', key)) ?? 0) > maxBytes) {
        const length = await redis.xlen(key);
        if ((await redis.xtrim(key, 'MAXLEN', Math.floor(length * BOUND_STEP))) === 0) break;
      }
    }
  }

  /** Drops the oldest records when there are too many. */
  private makeRoom(): void {
    let count = countOf(this.packs);
    let bytes = this.packs.reduce((sum, { length }) => sum + length, 0);
    while (count >= MAX_BUFFERED || bytes >= MAX_BUFFERED_BYTES) {
      const gone = this.packs.shift();
      if (!gone) return;
      if (this.open.get(gone.stream) === gone) this.open.delete(gone.stream);
      this.dropped += gone.count;
      count -= gone.count;
      bytes -= gone.length;
    }
  }

  private report(): void {
    if (this.dropped === this.reportedDrops) return;
    this.logger.warn(`${this.dropped - this.reportedDrops} records were lost: Redis was away for too long`);
    this.reportedDrops = this.dropped;
  }
}

const countOf = (packs: readonly Pack[]): number => packs.reduce((sum, { count }) => sum + count, 0);

/**
 * Whether Redis may take a record the next time. What is not an answer of Redis is a connection that broke: whether the
 * record was written is not known then, and twice is better than never, the payload's id tells.
 */
function isWorthAnotherTry(error: Error | undefined): boolean {
  return error !== undefined && (error.name !== 'ReplyError' || NOT_NOW.test(error.message));
}

export function streamKey({ prefix }: RedisLink, stream: string): string {
  return `${prefix}stream:${stream}`;
}
