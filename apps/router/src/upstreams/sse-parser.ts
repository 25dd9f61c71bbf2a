import { LineReader } from './line-reader';

export interface SseEvent {
  event: string;
  data: string;
  /** The last id seen on the stream; empty if none. */
  id: string;
}

/** Reads `text/event-stream` as the HTML standard says, with bounded lines and events. */
export class SseParser {
  /** As the server asked for it (`retry:`), in milliseconds. */
  retryMs: number | undefined;
  lastEventId = '';
  private readonly lines: LineReader;
  private data: string[] = [];
  private event = '';
  private size = 0;

  constructor(maxBytes: number, onEvent: (event: SseEvent) => void, onTooLong: (bytes: number) => void) {
    this.lines = new LineReader(
      maxBytes,
      (line) => {
        if (line !== '') return this.field(line, maxBytes);
        const { data, event, size } = this;
        this.data = [];
        this.event = '';
        this.size = 0;
        if (size > maxBytes) onTooLong(size);
        else if (data.length > 0)
          onEvent({
            event: event || 'message',
            data: data.length === 1 ? (data[0] ?? '') : data.join('\n'),
            id: this.lastEventId,
          });
      },
      onTooLong,
      true,
    );
  }

  push(chunk: Buffer): void {
    this.lines.push(chunk);
  }

  private field(line: string, maxBytes: number): void {
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line.charCodeAt(colon + 1) === 32 ? colon + 2 : colon + 1);
    if (name === 'data') {
      this.size += value.length;
      if (this.size <= maxBytes) this.data.push(value);
    } else if (name === 'event') this.event = value;
    else if (name === 'id') {
      if (!value.includes('\0')) this.lastEventId = value;
    } else if (name === 'retry' && /^\d{1,7}$/.test(value)) this.retryMs = Number(value);
  }
}
