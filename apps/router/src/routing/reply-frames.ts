import type { AnswerSink } from '@mcp-router/platform';
import type { McpReply } from '@mcp-router/shared';
import type { ReplySink } from '../sessions/event-stream';

/**
 * The replies of one exchange for the bus. An answer that comes alone travels as a single frame; only if something goes
 * before it do they become a stream.
 */
export class ReplyFrames implements ReplySink {
  private begun = false;
  private over = false;

  constructor(private readonly answers: AnswerSink<McpReply>) {}

  send(reply: McpReply): void {
    if (this.over) return;
    this.begun = true;
    if (reply.last === true) {
      this.over = true;
      this.answers.last(reply);
    } else this.answers.next(reply);
  }

  end(): void {
    if (this.over) return;
    if (!this.begun) return this.send({ last: true });
    this.over = true;
    this.answers.complete();
  }

  fail(error: unknown): void {
    if (this.over) return;
    this.over = true;
    this.answers.error(error);
  }

  /** Calls `leave` if the client goes away before the end. */
  onGone(signal: AbortSignal, leave: () => void): void {
    if (this.over) return;
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
  }
}
