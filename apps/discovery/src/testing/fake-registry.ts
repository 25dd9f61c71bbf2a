import { createServer } from 'node:http';
import { json, listening } from './fake-mcp';

export interface RegistryEntry {
  name: string;
  version?: string;
  status?: string;
  isLatest?: boolean;
  updatedAt?: string;
  remotes?: object[];
  packages?: object[];
  [field: string]: unknown;
}

/** A registry of the API v0.1 with `updated_since` and cursors; `trouble` makes it misbehave. */
export async function fakeRegistry(entries: RegistryEntry[]) {
  const state = {
    entries,
    trouble: undefined as 'same-cursor' | 'bad-cursor' | 'not-json' | 'down' | undefined,
    queries: [] as Record<string, string>[],
    authorization: undefined as string | undefined,
  };
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://registry');
    const query = Object.fromEntries(url.searchParams);
    state.queries.push(query);
    state.authorization = request.headers.authorization;
    if (url.pathname !== '/v0.1/servers') return void json(response, 404, { error: 'no' });
    if (state.trouble === 'down') return void response.writeHead(503).end();
    if (state.trouble === 'not-json') return void response.end('<html>');
    const from = query['cursor'] === undefined ? 0 : Number(query['cursor'].replace('c', ''));
    if (state.trouble === 'bad-cursor' && from > 0) return void json(response, 400, { error: 'invalid cursor' });
    const since = query['updated_since'] ?? '';
    const all = state.entries.filter(({ updatedAt = '2026-01-01T00:00:00Z', status }) =>
      since === '' ? status !== 'deleted' : updatedAt >= since,
    );
    const limit = Number(query['limit']);
    const page = all.slice(from, from + limit).map(({ status = 'active', isLatest = true, updatedAt, ...server }) => ({
      server: { description: 'd', version: '1.0.0', ...server },
      _meta: { 'io.modelcontextprotocol.registry/official': { status, isLatest, updatedAt } },
    }));
    const next = from + limit < all.length ? `c${from + limit}` : undefined;
    const nextCursor = state.trouble === 'same-cursor' ? 'c0' : next;
    json(response, 200, { servers: page, metadata: { nextCursor, count: page.length } });
  });
  const { port, close } = await listening(server);
  return { url: `http://127.0.0.1:${port}`, state, close };
}
