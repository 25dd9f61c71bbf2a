import { ENVELOPE, SUPPORTED_VERSIONS } from '@mcp-router/shared';
import type { UpstreamInfo } from '../upstreams/upstream';

type Json = Record<string, unknown>;

const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks';

/** What a client is told of an endpoint, before it is put into the form of its era. */
export interface Handshake {
  capabilities: Json;
  serverInfo: Json;
  instructions: string | undefined;
  /** Fields of the server's own answer that nobody here knows. */
  rest: Json;
}

const KNOWN = new Set([
  ...['protocolVersion', 'supportedVersions', 'capabilities', 'serverInfo', 'instructions'],
  ...['resultType', 'ttlMs', 'cacheScope', '_meta'],
]);

/** What the server said of itself, with what the router adds: it watches every list, so it can tell of changes. */
export function handshakeOf(info: UpstreamInfo, name: string): Handshake {
  const raw = JSON.parse(info.raw) as Json;
  const { [ENVELOPE.serverInfo]: self, ...meta } = (raw['_meta'] ?? {}) as Json;
  const serverInfo = (self ?? raw['serverInfo'] ?? info.serverInfo ?? { name, version: '' }) as Json;
  const rest = Object.fromEntries(Object.entries(raw).filter(([key]) => !KNOWN.has(key)));
  if (Object.keys(meta).length > 0) rest['_meta'] = meta;
  return { capabilities: withListChanges(info.capabilities), serverInfo, instructions: info.instructions, rest };
}

function withListChanges(capabilities: Json): Json {
  const all = { ...capabilities };
  for (const list of ['tools', 'resources', 'prompts']) {
    if (all[list] !== undefined) all[list] = { ...(all[list] as Json), listChanged: true };
  }
  return all;
}

/** The result of `initialize`. Tasks of the other era are not the same thing, so they are not promised. */
export function toInitializeResult(handshake: Handshake, version: string, from: 'legacy' | 'modern'): Json {
  const capabilities = { ...handshake.capabilities };
  if (from === 'modern') capabilities['logging'] ??= {};
  const { [TASKS_EXTENSION]: _, ...extensions } = (capabilities['extensions'] ?? {}) as Json;
  if (Object.keys(extensions).length > 0) capabilities['extensions'] = extensions;
  else delete capabilities['extensions'];
  return {
    protocolVersion: version,
    capabilities,
    serverInfo: handshake.serverInfo,
    ...(handshake.instructions === undefined ? {} : { instructions: handshake.instructions }),
    ...handshake.rest,
  };
}

/** The result of `server/discover`; the versions are the router's, since it translates. */
export function toDiscoverResult(handshake: Handshake, from: 'legacy' | 'modern'): Json {
  const capabilities = { ...handshake.capabilities };
  if (from === 'legacy') delete capabilities['tasks'];
  const { _meta: meta, ...rest } = handshake.rest;
  return {
    resultType: 'complete',
    supportedVersions: [...SUPPORTED_VERSIONS],
    capabilities,
    ...(handshake.instructions === undefined ? {} : { instructions: handshake.instructions }),
    ttlMs: 0,
    cacheScope: 'private',
    ...rest,
    _meta: { ...(meta as Json | undefined), [ENVELOPE.serverInfo]: handshake.serverInfo },
  };
}
