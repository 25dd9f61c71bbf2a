const NEWLINE = 10;
const RETURN = 13;

/**
 * Splits a byte stream into lines without decoding what is not complete. A line that grows past the limit is dropped
 * up to its end and reported once.
 */
export class LineReader {
  private parts: Buffer[] = [];
  private size = 0;
  private skipping = false;

  constructor(
    private readonly maxBytes: number,
    private readonly onLine: (line: string) => void,
    private readonly onTooLong: (bytes: number) => void,
    private readonly keepEmpty = false,
  ) {}

  push(chunk: Buffer): void {
    let from = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, from);
      if (end < 0) break;
      this.finish(chunk.subarray(from, end));
      from = end + 1;
    }
    if (from < chunk.length) this.keep(chunk.subarray(from));
  }

  private keep(rest: Buffer): void {
    this.size += rest.length;
    if (this.skipping) return;
    if (this.size > this.maxBytes) {
      this.skipping = true;
      this.parts = [];
    } else this.parts.push(rest);
  }

  private finish(last: Buffer): void {
    const size = this.size + last.length;
    const parts = this.parts;
    const skip = this.skipping || size > this.maxBytes;
    this.parts = [];
    this.size = 0;
    this.skipping = false;
    if (skip) return this.onTooLong(size);
    let line = parts.length === 0 ? last : Buffer.concat([...parts, last], size);
    if (line.length > 0 && line[line.length - 1] === RETURN) line = line.subarray(0, -1);
    if (line.length > 0 || this.keepEmpty) this.onLine(line.toString('utf8'));
  }
}
