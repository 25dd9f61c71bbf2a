import { createHash } from 'node:crypto';
import type { Endpoint } from '@mcp-router/shared';

/**
 * The same text for the same server, however it was found and written: SHA-256, hex.
 *
 * A URL counts without fragment, default port, trailing slash and the case of its host; whether it speaks Streamable
 * HTTP or HTTP+SSE is found out by a probe and is no part of it. Headers and variables are not either.
 */
export function identityOf(endpoint: Endpoint): string {
  return createHash('sha256')
    .update(JSON.stringify(identifying(endpoint)))
    .digest('hex');
}

function identifying(endpoint: Endpoint): unknown[] {
  switch (endpoint.kind) {
    case 'http':
    case 'sse':
      return ['url', normalUrl(endpoint.url)];
    case 'stdio':
      return ['stdio', endpoint.command, endpoint.args, endpoint.cwd ?? ''];
    case 'package':
      return ['package', endpoint.registry, endpoint.identifier];
  }
}

export function normalUrl(text: string): string {
  if (!URL.canParse(text)) return text;
  const url = new URL(text);
  url.hash = '';
  url.hostname = url.hostname.replace(/\.$/, '');
  url.pathname = url.pathname.replace(/\/+$/, '');
  return url.href.replace(/\/$/, '');
}
