import { Logger } from '@nestjs/common';
import type { RecordStream } from '@mcp-router/shared';
import type { RedisLink } from './link';
import { pack, type Field } from './packs';

const FLUSH_ENTRIES = 500;
/** What is kept while Redis is away; past it the oldest are dropped and counted. */
const MAX_BUFFERED = 20_000;
const MAX_BUFFERED_CHARACTERS = 33_554_432;
/** Answers of a Redis that cannot write now and will again. */
const NOT_NOW = /^(LOADING|OOM|READONLY|MISCONF|MASTERDOWN|NOREPLICAS|TRYAGAIN|CLUSTERDOWN)/;
const RETRY_MS = 500;

/** The part of its entries that a stream keeps each time it is found too large. */
const BOUND_STEP = 0.9;
const BOUND_MS = 1_000;

interface Buffered {
  stream: RecordStream;
  json: string;
}

/** What one XADD writes. */
interface Entry {
  key: string;
  field: Field;
  maxWaiting: number;
  maxBytes: number;
  records: Buffered[];
}

/** Writes records in the background, many at a time. */
export class Records {
  dropped = 0;
  private buffer: Buffered[] = [];
  private characters = 0;
  private timer: NodeJS.Timeout | undefined;
  private dueAt = 0;
  /** The shortest time that one of the records in the buffer may wait. */
  private patienceMs = Infinity;
  private flushing: Promise<void> | undefined;
  private reportedDrops = 0;
  /** When the length of a stream was last looked at. */
  private readonly boundedAt = new Map<string, number>();
  private readonly logger = new Logger('Bus');

  constructor(private readonly link: RedisLink) {
    link.onUp(() => this.schedule());
  }

  add(stream: RecordStream, payload: unknown): void {
    let json: string;
    try {
      json = JSON.stringify(payload);
    } catch (error) {
      this.dropped++;
      this.logger.error(error, `A record of ${stream.stream} is not JSON`);
      return;
    }
    this.buffer.push({ stream, json });
    this.characters += json.length;
    if (this.buffer.length > MAX_BUFFERED || this.characters > MAX_BUFFERED_CHARACTERS) this.makeRoom();
    this.patienceMs = Math.min(this.patienceMs, stream.gatherMs);
    this.schedule(this.patienceMs);
  }

  /** Writes what is left, if Redis is there. */
  async close(): Promise<void> {
    clearTimeout(this.timer);
    let isWritten = true;
    while (this.buffer.length > 0 && this.link.isUp && isWritten)
      isWritten = await (this.flushing?.then(() => true) ?? this.flush());
    this.dropped += this.buffer.length;
    this.report();
  }

  private schedule(afterMs = 0): void {
    if (this.flushing || this.buffer.length === 0 || !this.link.isUp) return;
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

  /** @returns whether Redis took what it was given; what it could not take now is in the buffer again */
  private async flush(): Promise<boolean> {
    const batch = this.buffer.splice(0, FLUSH_ENTRIES);
    this.patienceMs = this.buffer.length > 0 ? 0 : Infinity;
    const entries = this.entriesOf(batch);
    const pipeline = this.link.redis.pipeline();
    for (const { key, field, maxWaiting } of entries) pipeline.xadd(key, 'MAXLEN', '~', maxWaiting, '*', ...field);
    let again = batch;
    try {
      const results = (await pipeline.exec()) ?? [];
      const errorOf = (at: number) => results[at]?.[0] ?? undefined;
      const refused = entries.filter((_, at) => errorOf(at) !== undefined);
      again = entries.flatMap(({ records }, at) => (isWorthAnotherTry(errorOf(at)) ? records : []));
      const count = refused.reduce((sum, { records }) => sum + records.length, 0);
      if (count > 0) this.logger.error(results.find(([error]) => error)?.[0], `${count} records were not written`);
      this.dropped += count - again.length;
      await this.bound(entries);
    } catch {
      // The connection broke.
    }
    if (again.length > 0) this.buffer = [...again, ...this.buffer];
    for (const { json } of again) this.characters += json.length;
    if (this.buffer.length > MAX_BUFFERED || this.characters > MAX_BUFFERED_CHARACTERS) this.makeRoom();
    this.report();
    return again.length === 0;
  }

  /** Records of the same stream share entries, in the order in which they came. */
  private entriesOf(batch: readonly Buffered[]): Entry[] {
    const streams = new Map<RecordStream, Buffered[]>();
    for (const record of batch) {
      this.characters -= record.json.length;
      const own = streams.get(record.stream);
      if (own) own.push(record);
      else streams.set(record.stream, [record]);
    }
    return [...streams].flatMap(([stream, records]) => {
      const key = streamKey(this.link, stream.stream);
      let from = 0;
      return pack(records.map(({ json }) => json)).map(({ field, end }) => {
        const own = records.slice(from, end);
        from = end;
        return { key, field, maxWaiting: stream.maxWaiting, maxBytes: stream.maxBytes, records: own };
      });
    });
  }

  /** The oldest entries of a stream go when it takes more room than it may; looked at once a second. */
  private async bound(entries: readonly Entry[]): Promise<void> {
    const now = performance.now();
    for (const { key, maxBytes } of new Map(entries.map((entry) => [entry.key, entry])).values()) {
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

  private makeRoom(): void {
    const gone = this.buffer.splice(0, Math.ceil(this.buffer.length / 20));
    for (const { json } of gone) this.characters -= json.length;
    this.dropped += gone.length;
  }

  private report(): void {
    if (this.dropped === this.reportedDrops) return;
    this.logger.warn(`${this.dropped - this.reportedDrops} records were lost: Redis was away for too long`);
    this.reportedDrops = this.dropped;
  }
}

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
