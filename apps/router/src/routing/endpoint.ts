import { handshakeOf, type Handshake } from '../translation/handshake';
import type { Era, Upstream } from '../upstreams/upstream';
import type { Directory } from './directory';

export const SERVER_INFO = { name: 'mcp-router', title: 'MCP Router', version: '0.1.0' };

/** Longest text of instructions on the aggregate. */
const MAX_INSTRUCTIONS = 16_384;

/** What an endpoint says of itself: one server's own words, or ours for all of them. */
export async function describeEndpoint(
  directory: Directory,
  upstream: Upstream | undefined,
): Promise<{ handshake: Handshake; era: Era }> {
  if (upstream) {
    const info = upstream.info ?? (await upstream.ready());
    return { handshake: handshakeOf(info, upstream.slug), era: info.era };
  }
  const handshake: Handshake = {
    capabilities: {
      tools: { listChanged: true },
      resources: { subscribe: true, listChanged: true },
      prompts: { listChanged: true },
      completions: {},
      logging: {},
      tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } },
      ...extensionsOf(directory),
    },
    serverInfo: SERVER_INFO,
    instructions: instructionsOf(directory),
    rest: {},
  };
  return { handshake, era: 'legacy' };
}

/** What any of the servers knows beyond the protocol; unknown methods and fields pass, so it works. */
function extensionsOf(directory: Directory): { extensions?: Record<string, unknown> } {
  const all = directory.upstreams().map(({ info }) => info?.capabilities['extensions'] as object | undefined);
  const extensions = Object.assign({}, ...all) as Record<string, unknown>;
  return Object.keys(extensions).length > 0 ? { extensions } : {};
}

function instructionsOf(directory: Directory): string {
  const parts = ['Tools and prompts are named <server>__<name>.'];
  for (const { slug, info } of directory.upstreams()) {
    if (info?.instructions !== undefined && info.instructions !== '') parts.push(`# ${slug}\n${info.instructions}`);
  }
  return parts.join('\n\n').slice(0, MAX_INSTRUCTIONS);
}
