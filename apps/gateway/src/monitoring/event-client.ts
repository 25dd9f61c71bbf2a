import type { ServerResponse } from 'node:http';
import type { MonitorEvent } from '@mcp-router/shared';

export interface EventClientOptions {
  /** Bytes that may wait for the reader; past them events are left out. */
  maxBufferedBytes: number;
  heartbeatMs: number;
  /** Which events this client gets. */
  wants: (event: MonitorEvent) => boolean;
}

/**
 * One reader of the event stream. Events are written in the order of their numbers, each once; for a reader that does
 * not keep up they are left out, and a `gap` event then says which.
 */
export class EventClient {
  private last: number;
  /** The number after which events were left out; undefined while the reader keeps up. */
  private gapAfter: number | undefined;
  private readonly heartbeat: NodeJS.Timeout;

  constructor(
    private readonly response: ServerResponse,
    private readonly options: EventClientOptions,
    /** The last event the reader has. */
    after: number,
  ) {
    this.last = after;
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    response.write(': \n\n');
    response.on('drain', () => this.closeGap());
    this.heartbeat = setInterval(() => {
      if (!response.writableNeedDrain && !response.writableEnded) response.write(': \n\n');
    }, options.heartbeatMs).unref();
    response.once('close', () => clearInterval(this.heartbeat));
  }

  send(events: readonly MonitorEvent[]): void {
    if (this.response.writableEnded) return;
    for (const event of events) {
      if (event.seq <= this.last) continue;
      const before = this.last;
      this.last = event.seq;
      if (!this.options.wants(event)) continue;
      if (this.gapAfter !== undefined || this.response.writableLength > this.options.maxBufferedBytes) {
        this.gapAfter ??= before;
        continue;
      }
      this.response.write(`id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    }
  }

  /** Says that what stands between two numbers was left out and can be read from the list of events. */
  tellGap(after: number, until: number): void {
    if (this.response.writableEnded) return;
    this.response.write(`id: ${until}\nevent: gap\ndata: ${JSON.stringify({ after, until })}\n\n`);
  }

  /** Waits until the reader has taken what was written, or is gone. */
  async drained(): Promise<void> {
    if (!this.response.writableNeedDrain || this.response.destroyed) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.response.off('drain', done).off('close', done);
        resolve();
      };
      this.response.on('drain', done).on('close', done);
    });
  }

  private closeGap(): void {
    if (this.gapAfter === undefined) return;
    this.tellGap(this.gapAfter, this.last);
    this.gapAfter = undefined;
  }
}
