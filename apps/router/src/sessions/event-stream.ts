import type { McpReply } from '@mcp-router/shared';
import type { EventLog } from './event-log';

/** Where the replies of one HTTP exchange go. */
export interface ReplySink {
  send(reply: McpReply): void;
  /** Ends the exchange; nothing may be sent after it. */
  end(): void;
}

/**
 * A numbered stream of messages to one client, which survives the loss of the HTTP response that carries it: a client
 * that comes back with the last number it has seen gets what it missed, and then what follows.
 */
export class EventStream {
  private sink: ReplySink | undefined;
  private count = 0;
  private ended = false;
  private replaying: McpReply[] | undefined;

  constructor(
    private readonly log: EventLog,
    /** Unique in this installation. */
    private readonly id: string,
    /** What the client sees in front of the event number. */
    private readonly name: string,
  ) {}

  get isAttached(): boolean {
    return this.sink !== undefined;
  }

  /** Ends the stream without a last message. */
  end(): void {
    this.ended = true;
    // An answer without a message is an empty stream.
    this.sink?.send({});
    this.detach(this.sink);
  }

  get isEnded(): boolean {
    return this.ended;
  }

  get length(): number {
    return this.count;
  }

  /** Sends a message and keeps it for those who come back. */
  emit(body: string, last = false): void {
    if (this.ended) return;
    const number = ++this.count;
    this.log.append(this.id, number, body);
    this.ended = last;
    const reply: McpReply = { body, eventId: `${this.name}.${number}` };
    if (last) reply.last = true;
    if (this.replaying) this.replaying.push(reply);
    else this.deliver(reply);
  }

  /** Sends the final message as a plain answer, if nothing went before it. */
  answer(reply: McpReply): void {
    this.ended = true;
    const { sink } = this;
    this.sink = undefined;
    reply.last = true;
    sink?.send(reply);
    sink?.end();
  }

  /** From now on messages go to `sink`; the one before ends. */
  attach(sink: ReplySink): void {
    this.sink?.end();
    this.sink = sink;
  }

  /** As `attach`, after the messages that follow number `from`. */
  async resume(sink: ReplySink, from: number): Promise<void> {
    this.attach(sink);
    this.replaying ??= [];
    try {
      for (const { number, body } of await this.log.after(this.id, from)) {
        if (this.sink !== sink) return;
        sink.send({ body, eventId: `${this.name}.${number}` });
        from = number;
      }
    } finally {
      const held = this.replaying;
      this.replaying = undefined;
      for (const reply of held) if (numberOf(reply) > from) this.deliver(reply);
      if (this.ended) this.detach(this.sink);
    }
  }

  /** The exchange of `sink` is over; later messages wait in the log. */
  detach(sink: ReplySink | undefined): void {
    if (this.sink !== sink) return;
    this.sink = undefined;
    sink?.end();
  }

  private deliver(reply: McpReply): void {
    const { sink } = this;
    if (!sink) return;
    sink.send(reply);
    if (reply.last === true) this.detach(sink);
  }
}

function numberOf({ eventId }: McpReply): number {
  return Number(eventId?.slice(eventId.lastIndexOf('.') + 1));
}
