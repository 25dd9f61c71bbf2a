const MAX_LINE = 4 * 1024 * 1024;

/** Parses a stream of JSON values, one a line. @throws Error for a line that is no JSON or longer than 4 MiB */
export async function* jsonLines(stream: AsyncIterable<Uint8Array>): AsyncGenerator<unknown, undefined> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stream) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE) throw new Error('a line of the stream is too long');
    for (const line of lines) if (line.trim() !== '') yield JSON.parse(line) as unknown;
  }
  return undefined;
}
