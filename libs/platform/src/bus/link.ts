import { Logger } from '@nestjs/common';
import { Redis, type Command, type RedisOptions } from 'ioredis';
import { Publish, unanswered, type Receipt } from './publish';
import { pack, unpack } from './wire';

export interface LinkOptions {
  /** The app of this process; the first part of its address. */
  app: string;
  redisUrl: string;
  /** Unique among running processes; made up when absent. */
  instanceId?: string | undefined;
  /** Before every key and channel; installations that share a Redis differ in it. Default `mcpr:`. */
  prefix?: string | undefined;
}

/** What goes to one channel at the end of this turn of the event loop. */
interface Outgoing {
  channel: string;
  frames: string[];
  receipts: Receipt[];
  size: number;
}

/** Frames of one turn of the event loop that go to the same channel share a message up to this many characters. */
const MAX_MESSAGE = 65_536;

const CONNECTION: RedisOptions = {
  lazyConnect: true,
  // A request must fail at once when Redis is away, and must never be sent a second time after a reconnect.
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  maxRetriesPerRequest: 0,
  retryStrategy: (times) => Math.min(25 * times, 500),
  connectTimeout: 2_000,
};
const CHECK_MS = 1_000;
/** A Redis that does not answer for so long is treated like one that is gone. */
const HUNG_AFTER_MS = 5_000;

/**
 * The two Redis connections of a process and its state: *up* means that frames can be sent and all channels are
 * subscribed. When either connection breaks the link is down, and comes up again by itself.
 */
export class RedisLink {
  readonly app: string;
  readonly instanceId: string;
  readonly prefix: string;
  /** For commands; never blocked. */
  readonly redis: Redis;

  private readonly subscriber: Redis;
  private readonly channels = new Set<string>();
  private readonly takers = new Map<string, (frame: string) => void>();
  private readonly binaryTakers = new Map<number, (frame: Buffer) => void>();
  private readonly onUps: ((again: boolean) => void)[] = [];
  private readonly onDowns: (() => void)[] = [];
  private outgoing: Outgoing[] = [];
  private readonly logger = new Logger('Bus');
  private subscribed = false;
  private up = false;
  private closed = false;
  private epoch = 0;
  private flushing = false;
  private readonly checker: NodeJS.Timeout;

  constructor(options: LinkOptions) {
    this.app = options.app;
    this.instanceId = options.instanceId ?? `${options.app}-${crypto.randomUUID().slice(-12)}`;
    this.prefix = options.prefix ?? 'mcpr:';
    this.redis = new Redis(options.redisUrl, CONNECTION);
    this.subscriber = new Redis(options.redisUrl, CONNECTION);
    this.checker = setInterval(() => [this.redis, this.subscriber].forEach(check), CHECK_MS).unref();
    this.watch();
  }

  get isUp(): boolean {
    return this.up;
  }

  /**
   * Where answers to this process go. It changes with each reconnect, so that what was meant for requests that the
   * loss has ended finds nobody, and the sender stops.
   */
  get address(): string {
    return `${this.instanceId}.${this.epoch}`;
  }

  rpcChannel(app: string, instance: string): string {
    return `${this.prefix}rpc:${app}:${instance}`;
  }

  inbox(address: string): string {
    return `${this.prefix}inbox:${address}`;
  }

  /** Begins to connect, and goes on trying until `close`. Resolves when up, or after `patienceMs` without success. */
  async connect(patienceMs: number): Promise<void> {
    const up = new Promise<void>((resolve) => this.onUps.push(() => resolve()));
    const giveUp = new Promise<void>((resolve) => setTimeout(resolve, patienceMs).unref());
    for (const connection of [this.redis, this.subscriber]) connection.connect().catch(() => undefined);
    await Promise.race([up, giveUp]);
  }

  /** Takes the frames that begin with `letter`. */
  on(letter: string, take: (frame: string) => void): void {
    this.takers.set(letter, take);
  }

  /** Takes messages that begin with `letter` as bytes. */
  onBinary(letter: string, take: (frame: Buffer) => void): void {
    this.binaryTakers.set(letter.charCodeAt(0), take);
  }

  /** `again` is true after a loss, false the first time. */
  onUp(handler: (again: boolean) => void): void {
    this.onUps.push(handler);
  }

  onDown(handler: () => void): void {
    this.onDowns.push(handler);
  }

  async subscribe(channel: string): Promise<void> {
    this.channels.add(channel);
    if (this.subscribed) await this.subscriber.subscribe(channel);
  }

  /** After this resolves no further frame of the channel comes. */
  async unsubscribe(channel: string): Promise<void> {
    this.channels.delete(channel);
    if (this.subscribed) await this.subscriber.unsubscribe(channel).catch(() => undefined);
  }

  /** Sends at the end of this turn of the event loop, in order per channel. */
  send(channel: string, frame: string, receipt?: Receipt): void {
    let waiting = this.outgoing.find((one) => one.channel === channel);
    if (waiting && waiting.size + frame.length > MAX_MESSAGE) {
      this.publishWaiting(waiting);
      waiting = undefined;
    }
    if (!waiting) this.outgoing.push((waiting = { channel, frames: [], receipts: [], size: 0 }));
    waiting.frames.push(frame);
    waiting.size += frame.length;
    if (receipt) waiting.receipts.push(receipt);
    if (this.flushing) return;
    this.flushing = true;
    setImmediate(this.flush);
  }

  /** Sends bytes as a message of their own, after what waits for the same channel. */
  sendBinary(channel: string, frame: Buffer, receipt: Receipt): void {
    const waiting = this.outgoing.find((one) => one.channel === channel);
    if (waiting) this.publishWaiting(waiting);
    this.publish(channel, frame, [receipt]);
  }

  /** Resolves when Redis has taken what was sent until now, or is away. */
  async settled(): Promise<void> {
    this.flush();
    await this.redis.ping().catch(() => undefined);
  }

  async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.checker);
    this.flush();
    await Promise.all([this.redis, this.subscriber].map(disconnect));
  }

  private readonly flush = (): void => {
    this.flushing = false;
    const socket = this.redis.stream as typeof this.redis.stream | undefined;
    const { outgoing } = this;
    this.outgoing = [];
    if (outgoing.length > 1) socket?.cork();
    for (const { channel, frames, receipts } of outgoing) this.publish(channel, pack(frames), receipts);
    if (outgoing.length > 1) socket?.uncork();
  };

  private publishWaiting(waiting: Outgoing): void {
    this.outgoing.splice(this.outgoing.indexOf(waiting), 1);
    this.publish(waiting.channel, pack(waiting.frames), waiting.receipts);
  }

  private publish(channel: string, message: string | Buffer, receipts: readonly Receipt[]): void {
    if (receipts.length > 0 || typeof message !== 'string') {
      this.redis.sendCommand(new Publish(channel, message, receipts) as unknown as Command);
    } else if (this.redis.status === 'ready') this.redis.stream.write(unanswered(channel, message));
  }

  private watch(): void {
    for (const connection of [this.redis, this.subscriber]) {
      connection.on('error', (error) => this.logger.debug(`Redis: ${error.message}`));
      connection.on('close', () => this.lost(connection));
    }
    this.redis.on('ready', () => this.ready());
    this.subscriber.on('ready', () => void this.resubscribe());
    this.subscriber.on('messageBuffer', (_channel: Buffer, message: Buffer) => this.receive(message));
  }

  private async resubscribe(): Promise<void> {
    const inbox = this.inbox(`${this.instanceId}.${++this.epoch}`);
    let asked: number;
    try {
      do {
        asked = this.channels.size;
        await this.subscriber.subscribe(inbox, ...this.channels);
      } while (asked !== this.channels.size);
    } catch {
      return; // the connection broke again; its next 'ready' comes here
    }
    this.subscribed = true;
    this.ready();
  }

  private ready(): void {
    if (this.up || !this.subscribed || this.redis.status !== 'ready') return;
    this.up = true;
    const again = this.epoch > 1;
    if (again) this.logger.log('Redis is back');
    for (const handler of this.onUps) handler(again);
  }

  private lost(connection: Redis): void {
    if (connection === this.subscriber) this.subscribed = false;
    if (!this.up) return;
    this.up = false;
    if (!this.closed) this.logger.warn('Connection to Redis lost; trying to reconnect');
    for (const handler of this.onDowns) handler();
  }

  private receive(message: Buffer): void {
    const binary = this.binaryTakers.get(message[0] as number);
    if (binary) binary(message);
    else unpack(message.toString(), this.take);
  }

  /** Hands a frame to whoever takes its kind; unknown kinds of a newer release are ignored. */
  readonly take = (frame: string): void => {
    try {
      this.takers.get(frame.charAt(0))?.(frame);
    } catch (error) {
      this.logger.error(error, 'A frame could not be read');
    }
  };
}

/** Reconnects when Redis does not answer. What waits in the socket is read before the verdict. */
function check(connection: Redis): void {
  if (connection.status !== 'ready') return;
  let answered = false;
  const verdict = () => {
    if (!answered && connection.status === 'ready') connection.disconnect(true);
  };
  const timer = setTimeout(() => setImmediate(verdict), HUNG_AFTER_MS).unref();
  const settle = () => {
    answered = true;
    clearTimeout(timer);
  };
  connection.ping().then(settle, settle);
}

/** Ends a connection after what was sent on it; at once if it is not open. */
export async function disconnect(connection: Redis): Promise<void> {
  if (connection.status !== 'ready') connection.disconnect();
  else await connection.quit().catch(() => connection.disconnect());
}
