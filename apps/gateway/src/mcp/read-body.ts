import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { AppError } from '@mcp-router/shared';

/**
 * The whole body of a request as text.
 *
 * A body over the limit is refused as soon as that is known; the rest of it is read and dropped for a while, since a
 * client that is still writing would otherwise see a broken connection instead of the answer.
 *
 * @param maxBytes largest body
 * @throws AppError `payload_too_large`, `malformed_json` (not UTF-8), `cancelled` (the client went away)
 */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const refuse = () => {
      request.removeAllListeners('data').resume();
      const stop = setTimeout(() => request.destroy(), DRAIN_MS);
      request.once('close', () => clearTimeout(stop));
      reject(new AppError('payload_too_large', `The body is larger than ${maxBytes} bytes`));
    };
    if (Number(request.headers['content-length'] ?? 0) > maxBytes) {
      refuse();
      return;
    }
    let first: Buffer | undefined;
    let rest: Buffer[] | undefined;
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBytes) refuse();
      else if (first === undefined) first = chunk;
      else (rest ??= [first]).push(chunk);
    });
    request.once('end', () => {
      const bytes = rest ? Buffer.concat(rest, size) : (first ?? Buffer.alloc(0));
      if (isUtf8(bytes)) resolve(bytes.toString('utf8'));
      else reject(new AppError('malformed_json', 'The body is not UTF-8'));
    });
    request.once('error', (cause) =>
      reject(new AppError('cancelled', 'The request was not sent to its end', { cause })),
    );
  });
}

const DRAIN_MS = 15_000;
