import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { AppError, type RecordStream } from '@mcp-router/shared';
import type { Redis } from 'ioredis';
import { storableJson } from '../database/refused-text';
import type { ConsumeOptions, RecordEntry } from './bus';
import { disconnect, type RedisLink } from './link';
import { unpack } from './packs';
import { streamKey } from './records';

const BLOCK_MS = 500;
const SLOWEST_RETRY_MS = 5_000;
const MAX_DEAD = 10_000;
const FORGET_CONSUMER_MS = 3_600_000;

type RawEntry = [id: string, fields: string[] | null];

/** An entry whose records were read. */
interface Opened {
  id: string;
  records: RecordEntry<never>[];
}

/** Takes the records of one stream for one group, as one of its consumers, until stopped. */
export class Consumer {
  private readonly redis: Redis;
  private readonly key: string;
  private readonly name: string;
  private readonly batchSize: number;
  private readonly lingerMs: number;
  private readonly maxTries: number;
  private readonly claimAfterMs: number;
  private readonly stopping = new AbortController();
  private readonly logger = new Logger('Bus');
  private readonly running: Promise<void>;
  /** Entries that are read at once. */
  private count: number;
  private claimedAt = 0;
  private pauseMs = 0;

  constructor(
    link: RedisLink,
    private readonly stream: RecordStream,
    private readonly group: string,
    private readonly handler: (entries: RecordEntry<never>[]) => Promise<void>,
    { batchSize = 500, lingerMs = 0, maxTries = 5, claimAfterMs = 30_000 }: ConsumeOptions,
  ) {
    // A connection of its own: a read that waits blocks it.
    this.redis = link.redis.duplicate({ lazyConnect: true });
    this.redis.on('error', () => undefined);
    this.key = streamKey(link, stream.stream);
    this.name = link.instanceId;
    this.batchSize = Math.min(Math.max(batchSize, 1), 500);
    this.count = this.batchSize;
    this.lingerMs = lingerMs;
    this.maxTries = maxTries;
    this.claimAfterMs = claimAfterMs;
    this.running = this.run();
  }

  /** Resolves when the batch at work is acknowledged. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private get stopped(): boolean {
    return this.stopping.signal.aborted;
  }

  private async run(): Promise<void> {
    this.redis.connect().catch(() => undefined);
    while (!this.stopped) {
      try {
        if (Date.now() - this.claimedAt >= this.claimAfterMs / 2) await this.takeOver();
        const read = await this.redis.xreadgroup(
          ...(['GROUP', this.group, this.name, 'COUNT', this.count, 'BLOCK', BLOCK_MS] as const),
          ...(['STREAMS', this.key, '>'] as const),
        );
        const entries = (read as [string, RawEntry[]][] | null)?.[0]?.[1] ?? [];
        const records = await this.handle(entries);
        this.pauseMs = 0;
        // As many entries as make a full batch, by the size of these.
        if (records > 0) this.count = Math.max(1, Math.floor((this.batchSize * entries.length) / records));
        if (records > 0 && records < this.batchSize) await this.linger();
      } catch (error) {
        await this.recover(error);
      }
    }
    await disconnect(this.redis);
  }

  /** Lets entries gather; not longer than until `stop`. */
  private async linger(): Promise<void> {
    if (this.lingerMs > 0)
      await sleep(this.lingerMs, undefined, { signal: this.stopping.signal }).catch(() => undefined);
  }

  private async recover(error: unknown): Promise<void> {
    if (String(error).includes('NOGROUP')) {
      await this.redis.xgroup('CREATE', this.key, this.group, '0', 'MKSTREAM').catch(() => undefined);
      return;
    }
    if (this.redis.status === 'ready') this.logger.warn(error, `Reading ${this.stream.stream} failed`);
    await this.pause();
  }

  /** Waits, longer each time, up to 5 s; not longer than until `stop`. */
  private async pause(): Promise<void> {
    this.pauseMs = Math.min(2 * this.pauseMs || 50, SLOWEST_RETRY_MS);
    await sleep(this.pauseMs, undefined, { signal: this.stopping.signal }).catch(() => undefined);
  }

  /** Takes the entries that consumers which stopped working have left, and those that this one could not handle. */
  private async takeOver(): Promise<void> {
    for (let cursor = '0-0'; !this.stopped;) {
      const claimed = await this.redis.xautoclaim(
        ...([this.key, this.group, this.name, this.claimAfterMs, cursor, 'COUNT', this.batchSize] as const),
      );
      const [next, entries] = claimed as [string, RawEntry[]];
      if (entries.length > 0) await this.handle(await this.withoutKillers(entries));
      if (next === '0-0') break;
      cursor = next;
    }
    this.claimedAt = Date.now();
    await this.forgetOthers();
    await this.removeFinished();
  }

  /** An entry that was delivered again and again kills its consumers: it is not given to this one. */
  private async withoutKillers(entries: RawEntry[]): Promise<RawEntry[]> {
    const pending = await this.redis.xpending(
      ...([this.key, this.group, entries[0]?.[0] ?? '-', entries.at(-1)?.[0] ?? '+', 10_000, this.name] as const),
    );
    const tries = new Map((pending as [string, string, number, number][]).map(([id, , , count]) => [id, count]));
    const kept: RawEntry[] = [];
    for (const entry of entries) {
      if ((tries.get(entry[0]) ?? 0) <= this.maxTries) kept.push(entry);
      else await this.isolate(entry);
    }
    return kept;
  }

  /** Of several records one may be the killer: each becomes an entry of its own. A single one is buried. */
  private async isolate([id, fields]: RawEntry): Promise<void> {
    const records = fields?.[0] === 'pack' ? recordsOf(fields) : [];
    if (records.length === 0)
      await this.bury(id, fields?.[1] ?? '', new Error(`not finished by any of ${this.maxTries} consumers`));
    const moved = this.redis.multi();
    for (const record of records)
      moved.xadd(this.key, 'MAXLEN', '~', this.stream.maxWaiting, '*', 'payload', JSON.stringify(record));
    await moved.xack(this.key, this.group, id).exec();
  }

  /** Gives the records of entries to the handler, many at a time. @returns how many there were */
  private async handle(raw: readonly RawEntry[]): Promise<number> {
    let all = 0;
    let batch: Opened[] = [];
    let size = 0;
    for (const entry of raw) {
      const opened = await this.open(entry);
      if (size + opened.records.length > this.batchSize && batch.length > 0) {
        await this.handleBatch(batch);
        [batch, size] = [[], 0];
      }
      batch.push(opened);
      size += opened.records.length;
      all += opened.records.length;
    }
    if (batch.length > 0) await this.handleBatch(batch);
    return all;
  }

  private async handleBatch(batch: readonly Opened[]): Promise<void> {
    const records = batch.flatMap(({ records: own }) => own);
    const ids = batch.map(({ id }) => id);
    const error = records.length === 0 ? undefined : await this.attempt(records, ids);
    if (error === undefined) {
      await this.redis.xack(this.key, this.group, ...ids);
      return;
    }
    this.logger.warn(
      error,
      `A batch of ${records.length} of ${this.stream.stream} failed; its records are tried one by one`,
    );
    for (const { id, records: own } of batch) {
      for (const record of own) await this.insist(id, record);
      if (!this.stopped) await this.redis.xack(this.key, this.group, id);
    }
  }

  /** The records of an entry; those that do not match their schema are buried. */
  private async open([id, fields]: RawEntry): Promise<Opened> {
    const records: RecordEntry<never>[] = [];
    let texts: unknown[];
    try {
      texts = recordsOf(fields);
    } catch (error) {
      await this.bury(id, fields?.[1] ?? '', error);
      return { id, records };
    }
    for (const [at, value] of texts.entries()) {
      const result = this.stream.payload.safeParse(value);
      if (result.success) records.push({ id: texts.length === 1 ? id : `${id}.${at}`, payload: result.data as never });
      else await this.bury(id, JSON.stringify(value), result.error);
    }
    return { id, records };
  }

  /** Runs the handler until it succeeds or fails for a reason of its own; waits while the infrastructure is away. */
  private async attempt(records: RecordEntry<never>[], ids: readonly string[]): Promise<unknown> {
    for (;;) {
      try {
        await this.handler(records);
        return undefined;
      } catch (error) {
        if (!isTransient(error) || this.stopped) return error;
        this.logger.warn(error, `${this.stream.stream} waits`);
        await this.pause();
        await this.keep(ids);
      }
    }
  }

  /** Whoever waits for the infrastructure still works on its entries: nobody takes them over, and no try is counted. */
  private async keep(ids: readonly string[]): Promise<void> {
    await this.redis.xclaim(this.key, this.group, this.name, 0, ...ids, 'JUSTID').catch(() => undefined);
  }

  private async insist(id: string, record: RecordEntry<never>): Promise<void> {
    for (let tries = 2; !this.stopped; tries++) {
      const error = await this.attempt([record], [id]);
      if (error === undefined) return;
      if (tries >= this.maxTries) return this.bury(id, JSON.stringify(record.payload), error);
      await this.pause();
    }
  }

  /** Puts a record that cannot be handled where a person can look at it. */
  private async bury(id: string, payload: string, error: unknown): Promise<void> {
    this.logger.error(error, `A record of entry ${id} of ${this.stream.stream} goes to the dead letters`);
    const letter = ['id', id, 'group', this.group, 'error', String(error).slice(0, 2_000), 'payload', payload];
    await this.redis.xadd(`${this.key}:dead`, 'MAXLEN', '~', MAX_DEAD, '*', ...letter);
  }

  /** What every group has finished makes room: the stream holds what is still to be done. */
  private async removeFinished(): Promise<void> {
    const groups = (await this.redis.xinfo('GROUPS', this.key)) as (string | number)[][];
    const oldest = await Promise.all(
      groups.map(async (fields) => {
        const of = (name: string) => String(fields[fields.indexOf(name) + 1]);
        const [count, first] = (await this.redis.xpending(this.key, of('name'))) as [number, string | null];
        return count > 0 && first !== null ? first : of('last-delivered-id');
      }),
    );
    const [first] = oldest.sort(byStreamId);
    if (first !== undefined) await this.redis.xtrim(this.key, 'MINID', '~', first);
  }

  /** Consumers of processes that ended long ago are only names. */
  private async forgetOthers(): Promise<void> {
    const consumers = (await this.redis.xinfo('CONSUMERS', this.key, this.group)) as (string | number)[][];
    for (const fields of consumers) {
      const of = (name: string) => fields[fields.indexOf(name) + 1];
      if (of('pending') === 0 && Number(of('idle')) > FORGET_CONSUMER_MS)
        await this.redis.xgroup('DELCONSUMER', this.key, this.group, String(of('name')));
    }
  }
}

/** The records of an entry, with texts that a column takes. @throws SyntaxError */
function recordsOf(fields: readonly string[] | null): unknown[] {
  const [name = '', text = 'null'] = fields ?? [];
  return unpack([name, storableJson(text)]);
}

/** Orders ids of a stream: `milliseconds-number`. */
function byStreamId(a: string, b: string): number {
  const [[aTime = 0, aNumber = 0], [bTime = 0, bNumber = 0]] = [a, b].map((id) => id.split('-').map(Number)) as [
    number[],
    number[],
  ];
  return aTime - bTime || aNumber - bNumber;
}

const DOWN = new Set(['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EPIPE', 'ENOTFOUND']);
/** SQLSTATE classes: connection, insufficient resources, operator intervention. */
const DOWN_SQL = /^(08|53|57)/;

/** Whether the failure is of the infrastructure and not of the entry. */
function isTransient(error: unknown): boolean {
  if (error instanceof AppError) return error.status === 503;
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && (DOWN.has(code) || DOWN_SQL.test(code));
}
