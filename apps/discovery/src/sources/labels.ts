import type { Endpoint } from '@mcp-router/shared';

/** What the labels of a container, or the labels and annotations of a Service, say about the MCP server inside. */
export interface Labelled {
  name: string | undefined;
  port: number | undefined;
  path: string;
  kind: 'http' | 'sse';
}

const TRUE = new Set(['true', '1', 'yes']);

/** Our own names win over those of ToolHive. */
export function isMcpServer(labels: Record<string, string>): boolean {
  return TRUE.has(labels['mcp.server'] ?? labels['toolhive'] ?? '');
}

/** Reads `mcp.name`, `mcp.port`, `mcp.path`, `mcp.transport`; undefined for a transport that cannot be reached from here. */
export function readLabels(labels: Record<string, string>): Labelled | undefined {
  const transport = labels['mcp.transport'] ?? labels['toolhive-transport'] ?? 'http';
  const kind = kindOf(transport);
  if (!kind) return undefined;
  const port = Number(labels['mcp.port'] ?? labels['toolhive-port'] ?? Number.NaN);
  const path = labels['mcp.path'] ?? (kind === 'sse' ? '/sse' : '/mcp');
  return {
    name: labels['mcp.name'] ?? labels['toolhive-name'],
    port: Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined,
    path: path.startsWith('/') ? path : `/${path}`,
    kind,
  };
}

export function kindOf(transport: string): 'http' | 'sse' | undefined {
  if (['http', 'https', 'streamable-http', 'streamable_http', 'streamableHttp'].includes(transport)) return 'http';
  return transport === 'sse' ? 'sse' : undefined;
}

export function urlEndpoint(kind: 'http' | 'sse', host: string, port: number, path: string, scheme = 'http'): Endpoint {
  const at = host.includes(':') ? `[${host}]` : host;
  const url = new URL(`${scheme}://${at}:${port}`);
  // Set, not resolved: a path that begins with // must not become another host.
  const [pathname = '/', search = ''] = path.split(/\?(.*)/s);
  url.pathname = pathname;
  url.search = search;
  return { kind, url: url.href, headerNames: [] };
}
