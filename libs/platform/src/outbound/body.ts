import { AppError } from '@mcp-router/shared';
import type { Response } from 'undici';

/**
 * Reads a body as text, at most `maxBytes` of it.
 * @throws AppError `payload_too_large` past that; what is left is not read
 */
export async function readText(
  response: { readonly body: AsyncIterable<Uint8Array> | null },
  maxBytes: number,
): Promise<string> {
  if (!response.body) return '';
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.byteLength;
    // Leaving the loop cancels the stream and with it the connection.
    if (size > maxBytes) throw new AppError('payload_too_large', `The answer is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}

/**
 * Reads a bounded body as JSON.
 * @throws AppError `upstream_error` when it is not JSON, `payload_too_large`
 */
export async function readJson(response: Response, maxBytes: number): Promise<unknown> {
  const text = await readText(response, maxBytes);
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new AppError('upstream_error', `The answer of ${new URL(response.url).host} is not JSON`, { cause: error });
  }
}
