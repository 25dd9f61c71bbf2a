import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { BusOptions } from '../../bus/bus.module';
import { noted } from './contracts';
import { startReplica } from './replica';

/** A replica as a process of its own, for tests that kill it: its arguments are options (JSON) and the Redis for its marks. */
async function main(): Promise<void> {
  const options = JSON.parse(process.argv[2] ?? '{}') as BusOptions;
  const marksUrl = process.argv[3] ?? options.redisUrl;
  const redis = new Redis(marksUrl, { keyPrefix: options.prefix ?? 'mcpr:' });
  redis.on('error', () => undefined);
  const { bus, close } = await startReplica(options, marksUrl);
  const remember = async (entries: { payload: { n: number } }[]) => {
    await redis.sadd('noted', ...entries.map(({ payload }) => payload.n));
    await redis.hincrby('marks', 'noted', entries.length);
    await sleep(10);
  };
  bus.consume(noted, 'notes', remember, { batchSize: 10 });
  process.on('disconnect', () => process.exit(0));
  process.on('SIGTERM', () => void close().then(() => process.exit(0)));
  process.send?.(bus.instanceId);
}

void main();
