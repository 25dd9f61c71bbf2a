import { Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { AsyncMicroserviceOptions } from '@nestjs/microservices';
import { Redis } from 'ioredis';
import { Bus } from '../../bus/bus';
import { BusModule, type BusOptions } from '../../bus/bus.module';
import { RedisBusServer } from '../../bus/redis-bus.server';
import { closedAfterwards } from '../left-open';
import { EchoHandler } from './echo.handler';

export interface Process {
  bus: Bus;
  close(): Promise<void>;
}

/**
 * What a process of an app that answers the contracts of `EchoHandler` consists of.
 *
 * @param marksUrl the Redis where it counts what it did; the bus's own if absent
 */
export async function startReplica(options: BusOptions, marksUrl = options.redisUrl): Promise<Process> {
  const redis = new Redis(marksUrl, { keyPrefix: options.prefix ?? 'mcpr:' });
  redis.on('error', () => undefined);
  const app = await NestFactory.createMicroservice<AsyncMicroserviceOptions>(moduleOf(options, [EchoHandler], redis), {
    useFactory: (strategy: RedisBusServer) => ({ strategy }),
    inject: [RedisBusServer],
    logger: false,
  });
  await app.listen();
  return {
    bus: app.get(Bus),
    close: closedAfterwards(async () => {
      await app.close();
      redis.disconnect();
    }),
  };
}

/** What a process that only asks consists of. */
export async function startCaller(options: BusOptions): Promise<Process> {
  const app = await NestFactory.createApplicationContext(moduleOf(options, []), { logger: false });
  return { bus: app.get(Bus), close: closedAfterwards(() => app.close()) };
}

function moduleOf(options: BusOptions, controllers: Type[], redis?: Redis): Type {
  @Module({
    imports: [BusModule.forRoot(options)],
    controllers,
    providers: redis ? [{ provide: Redis, useValue: redis }] : [],
  })
  class ReplicaModule {}
  return ReplicaModule;
}
