import type { Server } from '@mcp-router/shared';

/** Every name of ours in a registry begins with it; the rest is the slug. */
export const NAMESPACE = 'mcp-router';
const SERVER_SCHEMA = 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json';
const CARD_SCHEMA = 'https://static.modelcontextprotocol.io/schemas/v1/server-card.schema.json';
const OFFICIAL = 'io.modelcontextprotocol.registry/official';
const HEALTH = 'mcp-router.dev/health';
/** The longest description that `server.json` allows. */
const MAX_DESCRIPTION = 100;
const PROTOCOL_VERSIONS = ['2026-07-28', '2025-11-25', '2025-06-18', '2025-03-26'];

export const nameOf = ({ slug }: Server) => `${NAMESPACE}/${slug}`;
export const versionOf = ({ serverInfo }: Server) => serverInfo?.version ?? '0.0.0';

function remoteAt(url: string) {
  return {
    type: 'streamable-http',
    url,
    headers: [
      { name: 'Authorization', description: 'Bearer and an API key of this router', isRequired: true, isSecret: true },
    ],
  };
}

function describe(server: Server): string {
  const { name } = server.serverInfo ?? {};
  return (
    server.description ?? (name === undefined ? `The MCP server "${server.slug}"` : `The MCP server ${name}`)
  ).slice(0, MAX_DESCRIPTION);
}

/** One server as the registry API v0.1 answers it (`ServerResponse`), reached through this router. */
export function registryEntry(server: Server, origin: string) {
  const { slug, createdAt, updatedAt, state, counts } = server;
  return {
    server: {
      $schema: SERVER_SCHEMA,
      name: nameOf(server),
      description: describe(server),
      version: versionOf(server),
      remotes: [remoteAt(`${origin}/mcp/${slug}`)],
    },
    _meta: {
      [OFFICIAL]: { status: 'active', publishedAt: createdAt, updatedAt, statusChangedAt: createdAt, isLatest: true },
      [HEALTH]: { state, counts },
    },
  };
}

/** The card of one endpoint; of the aggregate without a server. */
export function serverCard(origin: string, release: string, server?: Server) {
  const url = server ? `${origin}/mcp/${server.slug}` : `${origin}/mcp`;
  return {
    $schema: CARD_SCHEMA,
    name: server ? nameOf(server) : `${NAMESPACE}/all`,
    version: server ? versionOf(server) : release,
    description: server ? describe(server) : 'Every MCP server behind this router, at one endpoint',
    remotes: [{ ...remoteAt(url), supportedProtocolVersions: PROTOCOL_VERSIONS }],
  };
}
