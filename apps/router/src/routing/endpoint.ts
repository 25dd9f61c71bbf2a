import { handshakeOf, type Handshake } from '../translation/handshake';
import type { Era, Upstream } from '../upstreams/upstream';

export const SERVER_INFO = { name: 'mcp-router', title: 'MCP Router', version: '0.1.0' };

/** Longest text of instructions on the aggregate. */
const MAX_INSTRUCTIONS = 16_384;

/** What one server says of itself. */
export async function describeServer(upstream: Upstream): Promise<{ handshake: Handshake; era: Era }> {
  const info = upstream.info ?? (await upstream.ready());
  return { handshake: handshakeOf(info, upstream.slug), era: info.era };
}

/** What is said of several servers at one endpoint. @param endpoint slug of a virtual server, `undefined` for the aggregate */
export function describeAll(
  servers: readonly Upstream[],
  endpoint: string | undefined,
): { handshake: Handshake; era: Era } {
  const handshake: Handshake = {
    capabilities: {
      tools: { listChanged: true },
      resources: { subscribe: true, listChanged: true },
      prompts: { listChanged: true },
      completions: {},
      logging: {},
      tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } },
      ...extensionsOf(servers),
    },
    serverInfo: SERVER_INFO,
    instructions: instructionsOf(servers, endpoint === undefined),
    rest: {},
  };
  return { handshake, era: 'legacy' };
}

/** What any of the servers knows beyond the protocol; unknown methods and fields pass, so it works. */
function extensionsOf(servers: readonly Upstream[]): { extensions?: Record<string, unknown> } {
  const all = servers.map(({ info }) => info?.capabilities['extensions'] as object | undefined);
  const extensions = Object.assign({}, ...all) as Record<string, unknown>;
  return Object.keys(extensions).length > 0 ? { extensions } : {};
}

function instructionsOf(servers: readonly Upstream[], isAggregate: boolean): string {
  const parts = isAggregate ? ['Tools and prompts are named <server>__<name>.'] : [];
  for (const { slug, info } of servers) {
    if (info?.instructions !== undefined && info.instructions !== '') parts.push(`# ${slug}\n${info.instructions}`);
  }
  return parts.join('\n\n').slice(0, MAX_INSTRUCTIONS);
}
