import { AppError } from '@mcp-router/shared';

export interface SseEvent {
  event: string;
  data: string;
}

/**
 * Reads a `text/event-stream` body event by event (WHATWG HTML, "Server-sent events").
 * @throws AppError `payload_too_large` after `maxBytes`
 */
export async function* readEvents(
  response: { readonly body: AsyncIterable<Uint8Array> | null },
  maxBytes: number,
): AsyncGenerator<SseEvent, undefined> {
  if (!response.body) return undefined;
  const decoder = new TextDecoder();
  let size = 0;
  let rest = '';
  let event = '';
  let data: string[] = [];
  for await (const chunk of response.body) {
    size += chunk.byteLength;
    if (size > maxBytes) throw new AppError('payload_too_large', `The answer is larger than ${maxBytes} bytes`);
    const lines = (rest + decoder.decode(chunk, { stream: true })).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield { event: event || 'message', data: data.join('\n') };
        event = '';
        data = [];
        continue;
      }
      const [, field = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
      if (field === 'data') data.push(value);
      else if (field === 'event') event = value;
    }
  }
  return undefined;
}
