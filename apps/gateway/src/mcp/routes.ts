/** Where a request goes: the endpoint, and the session of the HTTP+SSE transport, which stands in the query. */
export interface Route {
  /** Slug of `/mcp/{slug}`; `undefined` for the aggregate. */
  endpoint: string | undefined;
  session: string | undefined;
}

const PATH = /^\/mcp(?:\/([a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?))?\/?$/;

/** @param url path and query as the client sent them */
export function routeOf(url: string): Route | undefined {
  const at = url.indexOf('?');
  const path = at < 0 ? url : url.slice(0, at);
  if (path === '/mcp') return { endpoint: undefined, session: sessionOf(url, at) };
  const match = PATH.exec(path);
  return match ? { endpoint: match[1], session: sessionOf(url, at) } : undefined;
}

const CARD_PATH = /^\/mcp(?:\/[a-z0-9-]{1,32})?\/server-card$/;

/** Whether a request is for the card of an endpoint, `<endpoint>/server-card`, which is no MCP. */
export function isCardRequest(method: string | undefined, url: string): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false;
  const at = url.indexOf('?');
  return CARD_PATH.test(at < 0 ? url : url.slice(0, at));
}

function sessionOf(url: string, at: number): string | undefined {
  return at < 0 ? undefined : (new URLSearchParams(url.slice(at)).get('sessionId') ?? undefined);
}

/**
 * Session ids and request states of ours begin with the router instance that holds what they stand for: `<instance>.…`.
 * The rest proves itself to that instance.
 */
export function ownerOf(token: string): string | undefined {
  const end = token.indexOf('.');
  const owner = token.slice(0, end);
  return end > 0 && /^router-[\w-]{1,64}$/.test(owner) ? owner : undefined;
}
