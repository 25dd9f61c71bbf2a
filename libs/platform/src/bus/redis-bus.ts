import { Logger, type OnApplicationShutdown, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { AppError, type Broadcast, type Contract, type RecordStream } from '@mcp-router/shared';
import type { z } from 'zod';
import { Bus, type Answers, type CallOptions, type ConsumeOptions, type RecordEntry, type Stop } from './bus';
import { Consumer } from './consumer';
import type { RedisLink } from './link';
import type { LiveSet } from './live-set';
import { Records } from './records';
import type { Requests } from './requests';
import type { Transfers } from './transfers';

const NO_OPTIONS: CallOptions = {};
/** How long the start waits for Redis before it goes on without; the link comes up by itself later. */
const START_PATIENCE_MS = 5_000;

/** The bus over Redis. */
export class RedisBus extends Bus implements OnModuleInit, OnModuleDestroy, OnApplicationShutdown {
  private readonly listeners = new Map<string, Set<(payload: unknown) => void>>();
  private readonly resumed = new Set<() => void>();
  private readonly consumers = new Set<Consumer>();
  private readonly records: Records;
  private readonly logger = new Logger('Bus');

  constructor(
    private readonly link: RedisLink,
    private readonly requests: Requests,
    private readonly live: LiveSet,
    private readonly transfers: Transfers,
  ) {
    super();
    this.records = new Records(link);
    link.on('B', (frame) => this.hear(frame));
    link.onUp((again) => {
      if (again) for (const handler of this.resumed) handler();
    });
  }

  get instanceId(): string {
    return this.link.instanceId;
  }

  get isReady(): boolean {
    return this.link.isUp;
  }

  get recordsDropped(): number {
    return this.records.dropped;
  }

  async onModuleInit(): Promise<void> {
    await this.link.subscribe(this.broadcasts);
    await this.live.start();
    await this.link.connect(START_PATIENCE_MS);
    if (!this.isReady) this.logger.warn('Redis is not reachable yet');
  }

  /** Consumers stop first, while what their handlers need is still there. */
  async onModuleDestroy(): Promise<void> {
    await Promise.all([...this.consumers].map((consumer) => consumer.stop()));
  }

  async onApplicationShutdown(): Promise<void> {
    await this.records.close();
    this.live.stop();
    this.requests.stop();
    this.transfers.stop();
    await this.link.close();
  }

  call<I extends z.ZodType, O extends z.ZodType>(
    contract: Contract<I, O>,
    input: z.input<I>,
    options: CallOptions = NO_OPTIONS,
  ): Promise<z.output<O>> {
    return new Promise((resolve, reject: (error: AppError) => void) => {
      let last: unknown;
      const cancel = this.requests.send(contract, input, options, {
        next: (value) => {
          resolve((last = value) as z.output<O>);
          cancel();
        },
        complete: () => resolve(last as z.output<O>),
        error: reject,
      });
    });
  }

  ask<I extends z.ZodType, O extends z.ZodType>(
    contract: Contract<I, O>,
    input: z.input<I>,
    answers: Answers<z.output<O>>,
    options: CallOptions = NO_OPTIONS,
  ): () => void {
    return this.requests.send(contract, input, options, answers);
  }

  instances(app: string): string[] {
    return this.live.instances(app);
  }

  async broadcast<P extends z.ZodType>({ event }: Broadcast<P>, payload: z.input<P>): Promise<void> {
    const frame = `B${event} ${JSON.stringify(payload ?? null)}`;
    await this.link.redis.publish(this.broadcasts, frame).catch((cause: unknown) => {
      throw new AppError('bus_unavailable', `${event} could not be told: the message bus is not reachable`, { cause });
    });
  }

  listen<P extends z.ZodType>(broadcast: Broadcast<P>, handler: (payload: z.output<P>) => void): () => void {
    const take = (payload: unknown): void => {
      const result = broadcast.payload.safeParse(payload);
      if (result.success) handler(result.data);
      else this.logger.warn(result.error, `A broadcast ${broadcast.event} does not match its schema`);
    };
    const takers = this.listeners.get(broadcast.event) ?? new Set();
    this.listeners.set(broadcast.event, takers.add(take));
    return () => void takers.delete(take);
  }

  onResume(handler: () => void): () => void {
    this.resumed.add(handler);
    return () => void this.resumed.delete(handler);
  }

  record<P extends z.ZodObject>(stream: RecordStream<P>, payload: z.input<P>): void {
    this.records.add(stream, payload);
  }

  consume<P extends z.ZodObject>(
    stream: RecordStream<P>,
    group: string,
    handler: (entries: RecordEntry<z.output<P>>[]) => Promise<void>,
    options: ConsumeOptions = {},
  ): Stop {
    const consumer = new Consumer(this.link, stream, group, handler, options);
    this.consumers.add(consumer);
    return async () => {
      this.consumers.delete(consumer);
      await consumer.stop();
    };
  }

  private get broadcasts(): string {
    return `${this.link.prefix}broadcast`;
  }

  private hear(frame: string): void {
    const space = frame.indexOf(' ');
    const takers = this.listeners.get(frame.slice(1, space));
    if (!takers?.size) return;
    const payload: unknown = JSON.parse(frame.slice(space + 1));
    for (const take of takers) {
      try {
        take(payload);
      } catch (error) {
        this.logger.error(error, `A listener of ${frame.slice(1, space)} failed`);
      }
    }
  }
}
