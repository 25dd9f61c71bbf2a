import type { Outbound } from '@mcp-router/platform';
import type { ServerCounts } from '@mcp-router/shared';
import { readCatalogue } from './catalogue';
import { LEGACY_VERSION, MODERN_VERSION, eraOf, refuseFailure } from './era';
import { type Answer, post } from './mcp-exchange';
import { ProbeFailure } from './probe-failure';
import { openSse } from './sse-session';

export interface ProbeOptions {
  outbound: Outbound;
  /** For the whole probe. */
  timeoutMs: number;
  /** `health` asks only for a sign of life; `full` also reads the lists. */
  depth: 'health' | 'full';
  /** From an earlier probe: a server known to be legacy is not asked `server/discover` again by a health probe. */
  knownEra?: 'legacy' | 'modern' | undefined;
}

export interface ProbeResult {
  era: 'legacy' | 'modern';
  /** `sse` when the server speaks only the HTTP+SSE transport of 2024-11-05. */
  transport: 'http' | 'sse';
  protocolVersion: string;
  latencyMs: number;
  serverInfo: { name: string; version?: string } | null;
  /** Of a full probe. */
  counts?: ServerCounts;
  catalogueHash?: string;
}

const CLIENT_INFO = { name: 'mcp-router-discovery', version: '1' };

/** One conversation with a server: asks a method, gives the answer. */
interface Conversation {
  ask(method: string, params: Record<string, unknown>): Promise<Answer>;
}

/**
 * Finds out which era a server behind a URL speaks and whether it is well, and reads its catalogue if asked to.
 * @throws ProbeFailure
 */
export async function probe(url: string, kind: 'http' | 'sse', options: ProbeOptions): Promise<ProbeResult> {
  const scope = new AbortController();
  const signal = AbortSignal.any([scope.signal, AbortSignal.timeout(options.timeoutMs)]);
  try {
    if (kind === 'sse') return await probeSse(url, options, signal);
    if (options.depth === 'full' || options.knownEra !== 'legacy') {
      const modern = await probeModern(url, options, signal);
      if (modern) return modern;
    }
    return await probeLegacy(url, options, signal);
  } catch (error) {
    throw ProbeFailure.of(error);
  } finally {
    // Streams that servers keep open end here.
    scope.abort();
  }
}

async function probeModern(url: string, options: ProbeOptions, signal: AbortSignal): Promise<ProbeResult | undefined> {
  let id = 0;
  const ask = (version: string) => (method: string, params: Record<string, unknown>) => {
    const meta = {
      'io.modelcontextprotocol/protocolVersion': version,
      'io.modelcontextprotocol/clientInfo': CLIENT_INFO,
      'io.modelcontextprotocol/clientCapabilities': {},
    };
    const headers = { 'mcp-protocol-version': version, 'mcp-method': method };
    return post(url, { id: ++id, method, params: { ...params, _meta: meta } }, { ...options, signal, headers });
  };
  let started = performance.now();
  let verdict = eraOf(await ask(MODERN_VERSION)('server/discover', {}));
  if (verdict.era === 'legacy') return undefined;
  const { protocolVersion } = verdict;
  if (!verdict.result && protocolVersion !== MODERN_VERSION) {
    started = performance.now();
    verdict = eraOf(await ask(protocolVersion)('server/discover', {}));
  }
  const latencyMs = performance.now() - started;
  const { result } = verdict as { result?: Record<string, unknown> };
  if (!result) throw new ProbeFailure('protocol_unsupported', 'The server does not answer server/discover');
  const meta = result['_meta'] as Record<string, unknown> | undefined;
  const info = result['serverInfo'] ?? meta?.['io.modelcontextprotocol/serverInfo'];
  const seen = {
    era: 'modern' as const,
    transport: 'http' as const,
    protocolVersion,
    latencyMs,
    serverInfo: infoOf(info),
  };
  return { ...seen, ...(await catalogueIfAsked(options, result, { ask: ask(protocolVersion) })) };
}

async function probeLegacy(url: string, options: ProbeOptions, signal: AbortSignal): Promise<ProbeResult> {
  const headers: Record<string, string> = {};
  let id = 0;
  const ask = (method: string, params: Record<string, unknown>) =>
    post(url, { id: ++id, method, params }, { ...options, signal, headers });
  const started = performance.now();
  const answer = await ask('initialize', INITIALIZE);
  const latencyMs = performance.now() - started;
  refuseFailure(answer.status, answer.headers);
  if (!answer.result) {
    if ([400, 404, 405].includes(answer.status) && !answer.error) return probeSse(url, options, signal);
    throw new ProbeFailure('protocol_unsupported', 'The server answers neither server/discover nor initialize');
  }
  const session = answer.headers.get('mcp-session-id');
  if (session) headers['mcp-session-id'] = session;
  const seen = { ...initialized(answer.result), transport: 'http' as const, latencyMs };
  headers['mcp-protocol-version'] = seen.protocolVersion;
  try {
    if (options.depth === 'health') return seen;
    await post(url, { method: 'notifications/initialized' }, { ...options, signal, headers });
    return { ...seen, ...(await catalogueIfAsked(options, answer.result, { ask })) };
  } finally {
    if (session) await endSession(url, options, signal, headers);
  }
}

/** A probe leaves no session behind; a server that does not let sessions be ended (405) keeps it until it expires. */
async function endSession(
  url: string,
  { outbound }: ProbeOptions,
  signal: AbortSignal,
  headers: Record<string, string>,
) {
  const response = await outbound.request(url, { method: 'DELETE', headers, signal }).catch(() => undefined);
  await response?.discard();
}

async function probeSse(url: string, options: ProbeOptions, signal: AbortSignal): Promise<ProbeResult> {
  const session = await openSse(url, options.outbound, signal);
  const started = performance.now();
  const { result } = await session.ask('initialize', INITIALIZE);
  const latencyMs = performance.now() - started;
  if (!result) throw new ProbeFailure('protocol_unsupported', 'The server does not answer initialize');
  const seen = { ...initialized(result), transport: 'sse' as const, latencyMs };
  if (options.depth === 'health') return seen;
  await session.notify('notifications/initialized');
  return { ...seen, ...(await catalogueIfAsked(options, result, session)) };
}

const INITIALIZE = { protocolVersion: LEGACY_VERSION, capabilities: {}, clientInfo: CLIENT_INFO };

function initialized(result: Record<string, unknown>): Pick<ProbeResult, 'era' | 'protocolVersion' | 'serverInfo'> {
  const version = result['protocolVersion'];
  if (typeof version !== 'string')
    throw new ProbeFailure('protocol_unsupported', 'The answer to initialize has no protocolVersion');
  return { era: 'legacy', protocolVersion: version, serverInfo: infoOf(result['serverInfo']) };
}

async function catalogueIfAsked(
  { depth }: ProbeOptions,
  { capabilities }: Record<string, unknown>,
  conversation: Conversation,
): Promise<Pick<ProbeResult, 'counts' | 'catalogueHash'>> {
  if (depth === 'health') return {};
  const promised = (typeof capabilities === 'object' && capabilities) || {};
  const { counts, hash } = await readCatalogue(promised as Record<string, unknown>, async (method, params) => {
    const { status, headers, result, error } = await conversation.ask(method, params);
    refuseFailure(status, headers);
    if (error?.code === -32601) return undefined;
    if (!result) throw new ProbeFailure('bad_catalogue', `${method} fails: ${error?.message.slice(0, 200) ?? status}`);
    return result;
  });
  return { counts, catalogueHash: hash };
}

function infoOf(value: unknown): ProbeResult['serverInfo'] {
  const { name, version } = (value ?? {}) as { name?: unknown; version?: unknown };
  if (typeof name !== 'string') return null;
  return { name: name.slice(0, 200), ...(typeof version === 'string' ? { version: version.slice(0, 200) } : {}) };
}
