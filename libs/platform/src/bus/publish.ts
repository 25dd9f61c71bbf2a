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
    const size = Buffer.byteLength(message);
    const head = `*3\r\n$7\r\npublish\r\n$${Buffer.byteLength(channel)}\r\n${channel}\r\n$${size}\r\n`;
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
