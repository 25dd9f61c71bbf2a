/*
 * A frame larger than a message may be travels in chunks:
 *
 *   K<transfer> <chunk> <chunks> <back> <subject>\n<bytes>   one chunk; `back` is the channel for acknowledgements
 *   A<transfer> <received>                                   so many chunks are here; -1: they are not wanted
 *
 * The receiver's acknowledgements are the brake: at most WINDOW chunks of a transfer are on their way, so that Redis
 * never holds so much for a slow subscriber that it cuts the connection.
 */
import { Logger } from '@nestjs/common';
import type { RedisLink } from './link';
import type { Receipt } from './publish';
import { exceeds } from './wire';

export const CHUNK_BYTES = 262_144;
const WINDOW = 8;
/** Transfers to one channel at a time; the others wait. */
const MAX_PARALLEL = 4;
const STALLED_MS = 10_000;
/** Most bytes of unfinished transfers that a process keeps. */
const MAX_ASSEMBLING = 268_435_456;

class Outgoing implements Receipt {
  sent = 0;
  received = 0;
  progressAt = Date.now();

  constructor(
    private readonly owner: Transfers,
    readonly id: string,
    readonly channel: string,
    readonly bytes: Buffer,
    readonly subject: string,
    readonly back: string,
    readonly receipt: Receipt & { delivered?(): void },
  ) {}

  get chunks(): number {
    return Math.ceil(this.bytes.length / CHUNK_BYTES);
  }

  undelivered(): void {
    if (this.owner.drop(this)) this.receipt.undelivered();
  }

  failed(): void {
    if (this.owner.drop(this)) this.receipt.failed();
  }
}

interface Incoming {
  parts: Buffer[];
  bytes: number;
  subject: string;
  back: string;
  progressAt: number;
}

/** Sends and receives frames that are too large for one message. */
export class Transfers {
  private readonly running = new Map<string, Outgoing>();
  private readonly waiting: Outgoing[] = [];
  private readonly incoming = new Map<string, Incoming>();
  private readonly logger = new Logger('Bus');
  private assembling = 0;
  private lastId = 0;
  private sweeper: NodeJS.Timeout | undefined;

  constructor(private readonly link: RedisLink) {
    link.onBinary('K', (chunk) => this.take(chunk));
    link.on('A', (frame) => this.acknowledged(frame));
    link.onDown(() => this.clear());
  }

  isLarge(frame: string): boolean {
    return exceeds(frame, CHUNK_BYTES);
  }

  /**
   * @param subject names what is being sent, so that its receiver can say that it is on its way
   * @param back the channel of this process that acknowledgements go to
   */
  send(channel: string, frame: string, subject: string, back: string, receipt: Receipt & { delivered?(): void }): void {
    const id = `${this.link.address}:${++this.lastId}`;
    const transfer = new Outgoing(this, id, channel, Buffer.from(frame), subject, back, receipt);
    this.sweeper ??= setInterval(() => this.sweep(), 1_000).unref();
    if (this.isBusy(channel)) this.waiting.push(transfer);
    else this.begin(transfer);
  }

  /** Whether this is still on its way out of this process: its receiver may not know of it yet. */
  isGoing(subject: string): boolean {
    const isIt = (one: Outgoing): boolean => one.subject === subject;
    return this.waiting.some(isIt) || [...this.running.values()].some(isIt);
  }

  /** Whether a part of this is here already. */
  isComing(subject: string): boolean {
    for (const one of this.incoming.values()) if (one.subject === subject) return true;
    return false;
  }

  /** Does not want the rest of it. */
  refuse(subject: string): void {
    for (const [id, one] of this.incoming) if (one.subject === subject) this.discard(id, one);
  }

  stop(): void {
    clearInterval(this.sweeper);
  }

  /** Forgets an outgoing transfer and begins the next. @returns false when it had ended already */
  drop(transfer: Outgoing): boolean {
    const queued = this.waiting.indexOf(transfer);
    if (queued >= 0) this.waiting.splice(queued, 1);
    else if (!this.running.delete(transfer.id)) return false;
    const next = this.waiting.findIndex(({ channel }) => channel === transfer.channel);
    if (next >= 0 && !this.isBusy(transfer.channel)) this.waiting.splice(next, 1).forEach((one) => this.begin(one));
    return true;
  }

  private isBusy(channel: string): boolean {
    let parallel = 0;
    for (const running of this.running.values()) if (running.channel === channel) parallel++;
    return parallel >= MAX_PARALLEL;
  }

  private begin(transfer: Outgoing): void {
    this.running.set(transfer.id, transfer);
    transfer.progressAt = Date.now();
    this.push(transfer);
  }

  private push(transfer: Outgoing): void {
    const { id, channel, bytes, chunks, back, subject } = transfer;
    while (transfer.sent < chunks && transfer.sent - transfer.received < WINDOW) {
      const at = transfer.sent++;
      const head = Buffer.from(`K${id} ${at} ${chunks} ${back} ${subject}\n`);
      const part = bytes.subarray(at * CHUNK_BYTES, (at + 1) * CHUNK_BYTES);
      this.link.sendBinary(channel, Buffer.concat([head, part]), transfer);
    }
  }

  private acknowledged(frame: string): void {
    const [id = '', received] = frame.slice(1).split(' ');
    const transfer = this.running.get(id);
    if (!transfer) return;
    if (Number(received) < 0) return transfer.failed();
    transfer.received = Number(received);
    transfer.progressAt = Date.now();
    if (transfer.received < transfer.chunks) return this.push(transfer);
    this.drop(transfer);
    transfer.receipt.delivered?.();
  }

  private take(chunk: Buffer): void {
    const eol = chunk.indexOf(10);
    const [id = '', at, of, back = '', subject = ''] = chunk.toString('utf8', 1, eol).split(' ');
    const part = chunk.subarray(eol + 1);
    let transfer = this.incoming.get(id);
    if (!transfer && Number(at) === 0) {
      transfer = { parts: [], bytes: 0, subject, back, progressAt: 0 };
      this.incoming.set(id, transfer);
      this.sweeper ??= setInterval(() => this.sweep(), 1_000).unref();
    }
    if (!transfer) return this.link.send(back, `A${id} -1`);
    if (transfer.parts.length !== Number(at) || this.assembling + part.length > MAX_ASSEMBLING) {
      this.logger.warn(`Transfer ${id} given up at chunk ${at} of ${of}`);
      return this.discard(id, transfer);
    }
    transfer.parts.push(part);
    transfer.bytes += part.length;
    transfer.progressAt = Date.now();
    this.assembling += part.length;
    const received = transfer.parts.length;
    if (received % (WINDOW / 4) === 0 || received === Number(of)) this.link.send(back, `A${id} ${received}`);
    if (received < Number(of)) return;
    this.forget(id, transfer);
    this.link.take(Buffer.concat(transfer.parts, transfer.bytes).toString());
  }

  private discard(id: string, transfer: Incoming): void {
    this.forget(id, transfer);
    this.link.send(transfer.back, `A${id} -1`);
  }

  private forget(id: string, transfer: Incoming): void {
    this.incoming.delete(id);
    this.assembling -= transfer.bytes;
  }

  private sweep(): void {
    const stalled = Date.now() - STALLED_MS;
    for (const [id, transfer] of this.incoming) if (transfer.progressAt < stalled) this.discard(id, transfer);
    for (const transfer of [...this.running.values()]) if (transfer.progressAt < stalled) transfer.failed();
  }

  private clear(): void {
    this.incoming.clear();
    this.assembling = 0;
    for (const transfer of [...this.running.values(), ...this.waiting]) transfer.failed();
  }
}
