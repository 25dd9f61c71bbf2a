import type { McpReply } from '@mcp-router/shared';
import { EventStream, type ReplySink } from './event-stream';
import type { EventLog, LoggedEvent } from './event-log';

/** A log in memory whose reader can be made to wait. */
function memoryLog() {
  const events: LoggedEvent[] = [];
  let gate: Promise<void> = Promise.resolve();
  return {
    hold: (until: Promise<void>) => {
      gate = until;
    },
    append: (_: string, number: number, body: string) => void events.push({ number, body }),
    after: async (_: string, number: number) => {
      const found = events.filter((event) => event.number > number);
      await gate;
      return found;
    },
  };
}

function sink(): ReplySink & { replies: McpReply[]; ended: boolean } {
  const replies: McpReply[] = [];
  return {
    replies,
    ended: false,
    send: (reply) => void replies.push(reply),
    end() {
      this.ended = true;
    },
  };
}

const bodies = ({ replies }: { replies: McpReply[] }) => replies.map(({ body }) => body);

describe('a stream that outlives its connection', () => {
  const make = () => {
    const log = memoryLog();
    return { log, stream: new EventStream(log as unknown as EventLog, 'session:s', 's') };
  };

  it('numbers its messages and ends with the last', () => {
    const { stream } = make();
    const to = sink();
    stream.attach(to);
    stream.emit('a');
    stream.emit('b', true);
    expect(to.replies).toEqual([
      { body: 'a', eventId: 's.1' },
      { body: 'b', eventId: 's.2', last: true },
    ]);
    expect(to.ended).toBe(true);
  });

  it('gives a client that comes back what it missed, once and in order, and then what follows', async () => {
    const { log, stream } = make();
    stream.attach(sink());
    stream.emit('a');
    stream.emit('b');
    let open = () => {};
    log.hold(new Promise((resolve) => (open = resolve)));
    const back = sink();
    const resuming = stream.resume(back, 1);
    // While the log is read, more happens.
    stream.emit('c');
    open();
    await resuming;
    stream.emit('d', true);
    expect(bodies(back)).toEqual(['b', 'c', 'd']);
    expect(back.replies.map(({ eventId }) => eventId)).toEqual(['s.2', 's.3', 's.4']);
    expect(back.ended).toBe(true);
  });

  it('gives all of it to one who comes after the end', async () => {
    const { stream } = make();
    stream.emit('a');
    stream.emit('b', true);
    const back = sink();
    await stream.resume(back, 0);
    expect(bodies(back)).toEqual(['a', 'b']);
    expect(back.ended).toBe(true);
  });

  it('belongs to the latest connection', () => {
    const { stream } = make();
    const [first, second] = [sink(), sink()];
    stream.attach(first);
    stream.attach(second);
    stream.emit('a');
    stream.detach(first);
    stream.emit('b');
    expect([first.ended, bodies(first), bodies(second)]).toEqual([true, [], ['a', 'b']]);
  });
});
