import { createHmac } from 'node:crypto';

/** Headers by which a receiver knows that a request is ours, and not an old one sent again. */
export function signedHeaders(body: string, secret: string, now = Date.now()): Record<string, string> {
  const timestamp = String(Math.floor(now / 1000));
  const digest = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
  return { 'x-mcp-router-timestamp': timestamp, 'x-mcp-router-signature': `sha256=${digest}` };
}
