import { randomUUID } from 'node:crypto';
import { AppError, recordStream } from '@mcp-router/shared';
import { Redis } from 'ioredis';
import { z } from 'zod';
import { noted, rung } from '../testing/bus/contracts';
import { ReplicaProcesses, startPrivateRedis } from '../testing/bus/processes';
import { startCaller, type Process } from '../testing/bus/replica';
import { until } from '../testing/until';
import { unpack } from './packs';

const redisUrl = process.env['REDIS_URL'] ?? '';
let prefix: string;
let redis: Redis;
let writer: Process;
let reader: Process;
const started: Process[] = [];

beforeEach(async () => {
  prefix = `test-${randomUUID().slice(0, 8)}:`;
  redis = new Redis(redisUrl, { keyPrefix: prefix });
  [writer, reader] = await Promise.all([start(), start()]);
});

afterEach(async () => {
  for (const one of started.splice(0)) await one.close();
  const keys = await redis.keys(`${prefix}*`);
  if (keys.length > 0) await redis.del(keys.map((key) => key.slice(prefix.length)));
  await redis.quit();
});

async function start(): Promise<Process> {
  const one = await startCaller({ app: 'noter', redisUrl, prefix });
  started.push(one);
  return one;
}

const LINGER_MS = 400;
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n);
const pending = async () => (await redis.xpending('stream:echoer.noted', 'notes'))[0];

/** How many records stand in the entries of a stream. */
const waiting = async (key: string) =>
  (await redis.xrange(key, '-', '+')).reduce((sum, [, fields]) => sum + unpack(fields).length, 0);

it('gives each record to one consumer of the group, in batches', async () => {
  const seen: number[] = [];
  const sizes: number[] = [];
  for (const { bus } of [reader, await start()])
    bus.consume(noted, 'notes', async (entries) => {
      sizes.push(entries.length);
      seen.push(...entries.map(({ payload }) => payload.n));
    });
  for (const n of numbers(0, 5_000)) writer.bus.record(noted, { n });
  await until(() => seen.length >= 5_000);
  await until(async () => (await pending()) === 0);
  expect(seen.sort((a, b) => a - b)).toEqual(numbers(0, 5_000));
  expect(Math.max(...sizes)).toBeLessThanOrEqual(500);
  expect(Math.max(...sizes)).toBeGreaterThan(50);
});

it('lets entries gather if they are not urgent', async () => {
  const sizes: number[] = [];
  const stop = reader.bus.consume(noted, 'notes', async (entries) => void sizes.push(entries.length), {
    lingerMs: LINGER_MS,
  });
  writer.bus.record(noted, { n: 0 });
  await until(() => sizes.length === 1);
  const begun = Date.now();
  for (const n of numbers(1, 21)) {
    writer.bus.record(noted, { n });
    await new Promise((resolve) => setTimeout(resolve, 8));
  }
  await until(() => sizes.reduce((sum, size) => sum + size, 0) === 21);
  expect(sizes.length).toBeLessThanOrEqual(2 + Math.ceil((Date.now() - begun) / LINGER_MS));
  await stop();
});

it('gives a batch again whose handler failed, and buries an entry that fails every time', async () => {
  const handled = new Map<number, number>();
  reader.bus.consume(
    noted,
    'notes',
    async (entries) => {
      if (entries.some(({ payload }) => payload.n === 7)) throw new Error('seven is poison');
      for (const { payload } of entries) handled.set(payload.n, (handled.get(payload.n) ?? 0) + 1);
    },
    { maxTries: 3 },
  );
  for (const n of numbers(0, 20)) writer.bus.record(noted, { n });
  await until(async () => (await redis.xlen('stream:echoer.noted:dead')) === 1);
  await until(async () => (await pending()) === 0);
  expect([...handled.keys()].sort((a, b) => a - b)).toEqual(numbers(0, 20).filter((n) => n !== 7));
  expect([...handled.values()].every((times) => times === 1)).toBe(true);
  const [[, letter]] = (await redis.xrange('stream:echoer.noted:dead', '-', '+')) as [[string, string[]]];
  expect(letter.join(' ')).toContain('seven is poison');
  expect(letter).toContain('{"n":7}');
});

it('waits while what the handler needs is away, however long, and buries nothing', async () => {
  let away = true;
  const seen: number[] = [];
  let tries = 0;
  reader.bus.consume(
    noted,
    'notes',
    async (entries) => {
      tries++;
      if (away) throw new AppError('database_unavailable', 'gone');
      seen.push(...entries.map(({ payload }) => payload.n));
    },
    { maxTries: 1 },
  );
  writer.bus.record(noted, { n: 1 });
  await until(() => tries >= 3);
  away = false;
  await until(() => seen.length === 1);
  expect(await redis.exists('stream:echoer.noted:dead')).toBe(0);
});

it('takes over the records of a consumer that was killed: none is lost', async () => {
  const processes = new ReplicaProcesses();
  const doomed = await processes.start({ app: 'echoer', redisUrl, prefix });
  for (const n of numbers(0, 1_000)) writer.bus.record(noted, { n });
  // The doomed consumer handles an entry at a time, slowly, and counts what it has handled.
  await until(async () => Number(await redis.hget('marks', 'noted')) >= 50, 20_000);
  doomed.process.kill('SIGKILL');
  const byDoomed = new Set((await redis.smembers('noted')).map(Number));
  const seen = new Set<number>();
  reader.bus.consume(
    noted,
    'notes',
    async (entries) => {
      for (const { payload } of entries) seen.add(payload.n);
    },
    { claimAfterMs: 500 },
  );
  await until(async () => seen.size + byDoomed.size >= 1_000 && (await pending()) === 0);
  expect([...new Set([...seen, ...byDoomed])].sort((a, b) => a - b)).toEqual(numbers(0, 1_000));
  // Again came only what was in the one entry that it did not get to acknowledge.
  expect([...byDoomed].filter((n) => seen.has(n)).length).toBeLessThanOrEqual(100);
  await processes.close();
});

it('gives what killed its consumers again record by record, so that the others beside it are handled', async () => {
  const key = 'stream:echoer.noted';
  await redis.call('XGROUP', 'CREATE', `${prefix}${key}`, 'notes', '0', 'MKSTREAM');
  const texts = { pack: JSON.stringify(numbers(0, 20).map((n) => ({ n }))), payload: '{"n":99}' };
  for (const [field, text] of Object.entries(texts)) {
    const id = await redis.xadd(key, '*', field, text);
    await redis.xreadgroup('GROUP', 'notes', 'dead', 'COUNT', 1, 'STREAMS', key, '>');
    // Delivered so often, and never finished.
    await redis.call('XCLAIM', key, 'notes', 'dead', '0', id ?? '', 'RETRYCOUNT', '9');
  }
  const seen: number[] = [];
  const take = async (entries: { payload: { n: number } }[]) =>
    void seen.push(...entries.map(({ payload }) => payload.n));
  reader.bus.consume(noted, 'notes', take, { claimAfterMs: 100, maxTries: 3 });
  await until(async () => seen.length === 20 && (await pending()) === 0);
  expect(seen.sort((a, b) => a - b)).toEqual(numbers(0, 20));
  // Alone, and it went on killing.
  const [[, letter]] = (await redis.xrange(`${key}:dead`, '-', '+')) as [[string, string[]]];
  expect(letter).toContain('{"n":99}');
});

it('keeps what waits for a consumer within the room that it may take, the newest of it', async () => {
  const small = recordStream('echoer.noted', z.object({ n: z.int(), text: z.string() }), { maxBytes: 200_000 });
  const key = 'stream:echoer.noted';
  const text = 'x'.repeat(100);
  let written = 0;
  let wroteAt = 0;
  const write = (count: number) => {
    for (let i = 0; i < count; i++) writer.bus.record(small, { n: written++, text });
    wroteAt = Date.now();
  };
  // Far more than there is room for; then now and then some, so that the writer looks again, which it does once a second.
  write(10_000);
  const isBounded = async () => {
    if (Date.now() - wroteAt > 1_200) write(100);
    // The client puts its prefix before the keys of other commands, but not of this one.
    const used = (await redis.memory('USAGE', `${prefix}${key}`)) ?? 0;
    return written > 10_000 && used > 0 && used < 200_000;
  };
  await until(isBounded);
  const kept = (await redis.xrange(key, '-', '+')).flatMap(([, fields]) => unpack(fields) as { n: number }[]);
  expect(kept.length).toBeGreaterThan(100);
  expect(kept.map(({ n }) => n)).toEqual(numbers(kept[0]?.n ?? 0, (kept.at(-1)?.n ?? 0) + 1));
});

it('makes room for what every group has finished, and keeps what one of them has not', async () => {
  const handled = { notes: 0, others: 0 };
  let away = true;
  for (const group of ['notes', 'others'] as const)
    reader.bus.consume(
      noted,
      group,
      async (entries) => {
        if (group === 'others' && away) throw new AppError('database_unavailable', 'gone');
        handled[group] += entries.length;
      },
      { claimAfterMs: 200 },
    );
  for (const n of numbers(0, 3_000)) writer.bus.record(noted, { n });
  await until(() => handled.notes >= 3_000);
  expect(await waiting('stream:echoer.noted')).toBe(3_000);
  away = false;
  await until(() => handled.others >= 3_000);
  // Whole nodes of entries go.
  await until(async () => (await waiting('stream:echoer.noted')) < 3_000);
});

it('writes again what a Redis without memory refused', async () => {
  const server = await startPrivateRedis();
  const admin = new Redis(server.url);
  const { bus, close } = await startCaller({ app: 'noter', redisUrl: server.url });
  const seen: number[] = [];
  bus.consume(noted, 'notes', async (entries) => {
    seen.push(...entries.map(({ payload }) => payload.n));
  });
  await admin.config('SET', 'maxmemory', '1');
  for (const n of numbers(0, 700)) bus.record(noted, { n });
  await until(async () => /errorstat_OOM:count=[1-9]/.test(await admin.info('errorstats')));
  expect([bus.recordsDropped, seen.length]).toEqual([0, 0]);
  await admin.config('SET', 'maxmemory', '0');
  await until(() => seen.length >= 700);
  expect(seen.sort((a, b) => a - b)).toEqual(numbers(0, 700));
  await admin.quit();
  await close();
  await server.close();
});

it('writes again what was on its way when the connection broke', async () => {
  const server = await startPrivateRedis();
  const admin = new Redis(server.url);
  const { bus, close } = await startCaller({ app: 'noter', redisUrl: server.url });
  await admin.call('CLIENT', 'PAUSE', '60000', 'WRITE');
  for (const n of numbers(0, 100)) bus.record(noted, { n });
  await until(async () => /blocked_clients:[1-9]/.test(await admin.info('clients')));
  await admin.call('CLIENT', 'KILL', 'TYPE', 'normal');
  await admin.call('CLIENT', 'UNPAUSE');
  const seen = new Set<number>();
  bus.consume(noted, 'notes', async (entries) => {
    for (const { payload } of entries) seen.add(payload.n);
  });
  await until(() => seen.size === 100);
  expect(bus.recordsDropped).toBe(0);
  await admin.quit();
  await close();
  await server.close();
});

it('never makes a writer wait; while Redis is away it keeps what fits and counts the rest', async () => {
  const server = await startPrivateRedis();
  const { bus, close } = await startCaller({ app: 'noter', redisUrl: server.url });
  const seen: number[] = [];
  bus.consume(noted, 'notes', async (entries) => {
    seen.push(...entries.map(({ payload }) => payload.n));
  });
  bus.record(noted, { n: -1 });
  await until(() => seen.length === 1);
  await server.kill();
  await until(() => !bus.isReady);
  const begun = performance.now();
  for (const n of numbers(0, 25_000)) bus.record(noted, { n });
  // Redis is not back before this test starts it.
  expect(performance.now() - begun).toBeLessThan(5_000);
  expect(bus.recordsDropped).toBeGreaterThanOrEqual(5_000);
  expect(bus.recordsDropped).toBeLessThan(7_000);
  await server.restart();
  await until(() => seen.length - 1 === 25_000 - bus.recordsDropped);
  expect(seen.at(-1)).toBe(24_999);
  await close();
  await server.close();
});

it('tells a broadcast to every process, the sender included, until it stops listening', async () => {
  const heard: string[] = [];
  const stops = [writer, reader].map(({ bus }, who) => bus.listen(rung, ({ text }) => heard.push(`${who} ${text}`)));
  await writer.bus.broadcast(rung, { text: 'one' });
  await until(() => heard.length === 2);
  stops[1]?.();
  await writer.bus.broadcast(rung, { text: 'two' });
  await until(() => heard.length === 3);
  expect(heard.sort()).toEqual(['0 one', '0 two', '1 one']);
});
