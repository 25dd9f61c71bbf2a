/** Learns that a frame did not arrive: nobody subscribes to the channel, or the connection broke. */
export interface Receipt {
  undelivered(): void;
  failed(): void;
}

/**
 * One PUBLISH without what ioredis spends per command on promises, closures and tracing: an eighth of a round trip.
 * It has the members of ioredis' Command that `sendCommand` and its reply parser use.
 */
export class Publish {
  readonly name = 'publish';
  readonly isTraced = true;
  readonly promise = undefined;
  readonly args: [string, string | Buffer];

  constructor(
    channel: string,
    message: string | Buffer,
    private readonly receipts: readonly Receipt[],
  ) {
    this.args = [channel, message];
  }

  toWritable(): string | Buffer {
    const [channel, message] = this.args;
    const head = headOf(channel, Buffer.byteLength(message));
    if (typeof message === 'string') return head + message + '\r\n';
    return Buffer.concat([Buffer.from(head), message, Buffer.from('\r\n')]);
  }

  resolve(receivers: number): void {
    if (receivers === 0) for (const receipt of this.receipts) receipt.undelivered();
  }

  reject(): void {
    for (const receipt of this.receipts) receipt.failed();
  }
}

/**
 * One PUBLISH that Redis does not answer, for the wire: to learn that a message arrived costs the sender a wake-up and a
 * read, a tenth of a round trip.
 */
export function unanswered(channel: string, message: string): string {
  return `${SKIP}${headOf(channel, Buffer.byteLength(message))}${message}\r\n`;
}

const SKIP = '*3\r\n$6\r\nclient\r\n$5\r\nreply\r\n$4\r\nskip\r\n';

function headOf(channel: string, size: number): string {
  return `*3\r\n$7\r\npublish\r\n$${Buffer.byteLength(channel)}\r\n${channel}\r\n$${size}\r\n`;
}
