import { Module, type DynamicModule } from '@nestjs/common';
import { Bus } from './bus';
import { RedisLink, type LinkOptions } from './link';
import { LiveSet } from './live-set';
import { RedisBus } from './redis-bus';
import { RedisBusServer } from './redis-bus.server';
import { Requests } from './requests';
import { Transfers } from './transfers';

export interface BusOptions extends LinkOptions {
  /** How long a stopping process waits for its handlers, in milliseconds; default 10 s. */
  drainMs?: number;
  /** Writes a debug line for each request that is answered here. */
  logsRequests?: boolean;
}

/** Gives every module of an app the `Bus`, and the app's start the `RedisBusServer` that answers its contracts. */
@Module({})
export class BusModule {
  static forRoot(options: BusOptions): DynamicModule {
    const link = new RedisLink(options);
    const transfers = new Transfers(link);
    const live = new LiveSet(link);
    const requests = new Requests(link, transfers, live);
    return {
      module: BusModule,
      global: true,
      providers: [
        { provide: Bus, useFactory: () => new RedisBus(link, requests, live, transfers) },
        {
          provide: RedisBusServer,
          useFactory: () => new RedisBusServer(link, transfers, live, options.drainMs ?? 10_000, options.logsRequests),
        },
      ],
      exports: [Bus, RedisBusServer],
    };
  }
}
