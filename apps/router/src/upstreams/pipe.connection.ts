import type { RpcText } from '@mcp-router/shared';
import { CallTable } from './call-table';
import { ConnectionLost, type Connection, type Loss, type OnStray } from './connection';
import { cancelText } from './message';
import type { CallLimits } from './pending-call';
import type { Exchange, UpstreamInfo } from './upstream';

/** A two-way stream of messages: stdio, or HTTP+SSE of 2024-11-05. */
export interface Pipe {
  readonly pid: number | undefined;
  onMessage: (text: string) => void;
  onLost: (reason: string) => void;
  send(text: string): void;
  close(): Promise<void>;
}

export interface PipeOptions {
  limits: CallLimits;
  onStray: OnStray;
  /** A line that is no JSON-RPC message. */
  onGarbage: (text: string) => void;
}

/** Many calls over one pipe. */
export class PipeConnection implements Connection {
  info!: UpstreamInfo;
  readonly lost: Promise<Loss>;
  private readonly table: CallTable;
  private over: Loss | undefined;
  private resolveLost!: (loss: Loss) => void;

  constructor(
    private readonly pipe: Pipe,
    { limits, onStray, onGarbage }: PipeOptions,
  ) {
    this.lost = new Promise((resolve) => (this.resolveLost = resolve));
    this.table = new CallTable(limits, onStray);
    pipe.onLost = (reason) => this.end({ reason });
    pipe.onMessage = (text) => {
      try {
        this.table.receive(text, this.send);
      } catch {
        onGarbage(text);
      }
    };
  }

  get isOver(): boolean {
    return this.over !== undefined;
  }

  get pid(): number | undefined {
    return this.pipe.pid;
  }

  exchange(exchange: Exchange, bounded: boolean): Promise<string> {
    if (this.over) return Promise.reject(new ConnectionLost(this.over.reason, false));
    const { call, text } = this.table.open(exchange, bounded, (id, why) => this.send(cancelText(id, why)));
    this.pipe.send(text);
    return call.result;
  }

  notify(message: RpcText): void {
    this.send(message.text);
  }

  async close(): Promise<void> {
    this.end({ reason: 'The connection was closed' });
    await this.pipe.close();
  }

  private readonly send = (text: string): void => {
    if (!this.over) this.pipe.send(text);
  };

  private end(loss: Loss): void {
    if (this.over) return;
    this.over = loss;
    // Whoever keeps the connection hears of it before the calls that may be repeated on another.
    this.resolveLost(loss);
    this.table.failAll(new ConnectionLost(loss.reason, true));
  }
}
