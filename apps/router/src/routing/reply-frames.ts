import type { McpReply } from '@mcp-router/shared';
import { Observable, type Subscriber } from 'rxjs';
import type { ReplySink } from '../sessions/event-stream';

/**
 * The replies of one exchange for the bus. An answer that comes at once and alone travels as a single frame; only if
 * something goes before it does it become a stream.
 */
export class ReplyFrames implements ReplySink {
  readonly answer: Promise<McpReply>;
  private resolve!: (first: McpReply) => void;
  private reject!: (error: unknown) => void;
  private begun = false;
  private over = false;
  private subscriber: Subscriber<McpReply> | undefined;
  private held: McpReply[] = [];

  constructor() {
    this.answer = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  send(reply: McpReply): void {
    if (this.over) return;
    if (this.begun) {
      if (this.subscriber) this.subscriber.next(reply);
      else this.held.push(reply);
      return;
    }
    this.begun = true;
    if (reply.last === true) {
      this.over = true;
      this.resolve(reply);
    } else {
      this.held.push(reply);
      // The bus takes a stream where the contract says one answer: the contract's callers subscribe to either.
      this.resolve(new Observable<McpReply>((subscriber) => this.follow(subscriber)) as unknown as McpReply);
    }
  }

  end(): void {
    if (this.over) return;
    if (!this.begun) this.send({ last: true });
    this.over = true;
    this.subscriber?.complete();
  }

  fail(error: unknown): void {
    if (this.over) return;
    this.over = true;
    if (this.begun) this.subscriber?.error(error);
    else this.reject(error);
  }

  /** Calls `leave` if the client goes away before the end. */
  onGone(signal: AbortSignal, leave: () => void): void {
    if (this.over) return;
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
  }

  private follow(subscriber: Subscriber<McpReply>): void {
    const { held } = this;
    this.held = [];
    for (const reply of held) subscriber.next(reply);
    this.subscriber = subscriber;
    if (this.over) subscriber.complete();
  }
}
