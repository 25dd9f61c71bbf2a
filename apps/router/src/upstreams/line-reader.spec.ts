import * as fc from 'fast-check';
import { LineReader } from './line-reader';
import { SseParser, type SseEvent } from './sse-parser';

/** Cuts bytes at the given places, as a network does. */
function pieces(text: string, cuts: readonly number[]): Buffer[] {
  const bytes = Buffer.from(text);
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...places, bytes.length].map((end, i) => bytes.subarray(places[i - 1] ?? 0, end));
}

describe('lines of a byte stream', () => {
  const read = (parts: readonly Buffer[], maxBytes = 1_000) => {
    const lines: string[] = [];
    const dropped: number[] = [];
    const reader = new LineReader(
      maxBytes,
      (line) => lines.push(line),
      (bytes) => dropped.push(bytes),
    );
    for (const part of parts) reader.push(part);
    return { lines, dropped };
  };

  it('are the same wherever the bytes are cut, also inside a character', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' })), fc.array(fc.nat()), (lines, cuts) => {
        const clean = lines.map((line) => line.replace(/[\r\n]/g, '')).filter((line) => line !== '');
        expect(read(pieces(clean.map((line) => `${line}\n`).join(''), cuts), 100_000).lines).toEqual(clean);
      }),
    );
  });

  it('lose a carriage return at their end, and empty ones are left out', () => {
    expect(read([Buffer.from('a\r\n\r\n\nb\n')]).lines).toEqual(['a', 'b']);
  });

  it('that are too long are dropped whole and counted, and the next one is read', () => {
    expect(read(pieces(`${'x'.repeat(50)}\nshort\n`, [7, 20]), 10)).toEqual({ lines: ['short'], dropped: [50] });
  });
});

describe('events of a stream', () => {
  const read = (parts: readonly Buffer[], maxBytes = 1_000) => {
    const events: SseEvent[] = [];
    const parser = new SseParser(
      maxBytes,
      (event) => events.push(event),
      () => undefined,
    );
    for (const part of parts) parser.push(part);
    return { events, parser };
  };

  it('are read as the standard says, wherever the bytes are cut', () => {
    const text =
      ': comment\nid: 7\nretry: 25\nevent: message\ndata: {"a":\ndata: "é"}\n\ndata:x\n\nid\ndata: y\n\nevent: end\n\n';
    fc.assert(
      fc.property(fc.array(fc.nat()), (cuts) => {
        const { events, parser } = read(pieces(text, cuts));
        expect(events).toEqual([
          { event: 'message', data: '{"a":\n"é"}', id: '7' },
          { event: 'message', data: 'x', id: '7' },
          { event: 'message', data: 'y', id: '' },
        ]);
        expect(parser.retryMs).toBe(25);
      }),
      { numRuns: 50 },
    );
  });

  it('that are too large are left out', () => {
    expect(
      read([Buffer.from(`data: ${'x'.repeat(60)}\ndata: ${'x'.repeat(60)}\n\ndata: ok\n\n`)], 100).events,
    ).toMatchObject([{ data: 'ok' }]);
  });
});
