import { AppError, ENVELOPE, MODERN_VERSIONS, type RpcText } from '@mcp-router/shared';
import { notificationText, outcomeOf, requestText } from './message';
import type { EraMemory, UpstreamInfo } from './upstream';

/** Older revisions than the door serves: an old server is better than none. */
const SERVER_VERSIONS = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05', '2024-10-07'] as const;

/** Errors that only a server of 2026-07-28 and later gives. */
const MODERN_CODES = new Set([-32020, -32021, -32022]);

/** How long a server on a pipe may be silent to `server/discover` before `initialize` is sent too. */
const PROBE_SILENCE_MS = 700;

export const CLIENT_INFO = { name: 'mcp-router', title: 'MCP Router', version: '0.1.0' };

/** What a shared connection says the client can do: everything, so that all tools of the server appear. */
export const SHARED_CAPABILITIES = {
  sampling: {},
  elicitation: { form: {}, url: {} },
  roots: { listChanged: true },
};

/** `_meta` of requests that the router makes for itself to a modern server. */
export function modernEnvelope(
  version: string = MODERN_VERSIONS[0],
  capabilities: Record<string, unknown> = {},
): Record<string, unknown> {
  return {
    [ENVELOPE.version]: version,
    [ENVELOPE.capabilities]: capabilities,
    [ENVELOPE.clientInfo]: CLIENT_INFO,
  };
}

export function discoverRequest(): RpcText {
  return requestText('1', 'server/discover', { _meta: modernEnvelope() });
}

/** How a legacy client introduces itself, where it is not the router. */
export interface Introduction {
  protocolVersion?: string;
  clientInfo?: { name: string; version: string };
}

/** @param capabilities JSON text of ClientCapabilities */
export function initializeRequest(capabilities: string, introduction: Introduction = {}): RpcText {
  return requestText('1', 'initialize', {
    protocolVersion: SERVER_VERSIONS[0],
    capabilities: JSON.parse(capabilities) as unknown,
    clientInfo: CLIENT_INFO,
    ...introduction,
  });
}

export const INITIALIZED = notificationText('notifications/initialized');

export type Verdict = { era: 'modern'; info: UpstreamInfo } | { era: 'legacy' };

/** What the answer to `server/discover` says about the server's era. */
export function verdictOf(response: string): Verdict {
  const outcome = outcomeOf(response);
  if ('result' in outcome) {
    const result = JSON.parse(outcome.result) as {
      supportedVersions?: string[];
      capabilities?: Record<string, unknown>;
      instructions?: string;
      serverInfo?: UpstreamInfo['serverInfo'];
      _meta?: Record<string, unknown>;
    };
    const version = MODERN_VERSIONS.find((candidate) => result.supportedVersions?.includes(candidate));
    if (version === undefined) return { era: 'legacy' };
    const self = result._meta?.[ENVELOPE.serverInfo] as UpstreamInfo['serverInfo'] | undefined;
    return {
      era: 'modern',
      info: {
        era: 'modern',
        protocolVersion: version,
        capabilities: result.capabilities ?? {},
        serverInfo: self ?? result.serverInfo ?? null,
        ...(result.instructions !== undefined && { instructions: result.instructions }),
        supportedVersions: result.supportedVersions ?? [],
        raw: outcome.result,
      },
    };
  }
  const { code, message, data } = outcome.error;
  if (!MODERN_CODES.has(code)) return { era: 'legacy' };
  const supported = (data as { supported?: string[] } | undefined)?.supported ?? [];
  if (SERVER_VERSIONS.some((version) => supported.includes(version))) return { era: 'legacy' };
  throw new AppError('upstream_error', `The server refuses protocol ${MODERN_VERSIONS.join(', ')}: ${message}`);
}

/** @throws AppError `upstream_error` when the server refuses, or speaks no revision that we know */
export function legacyInfo(response: string): UpstreamInfo {
  const outcome = outcomeOf(response);
  if ('error' in outcome)
    throw new AppError('upstream_error', `The server refused "initialize": ${outcome.error.message}`);
  const result = JSON.parse(outcome.result) as {
    protocolVersion?: string;
    capabilities?: Record<string, unknown>;
    serverInfo?: UpstreamInfo['serverInfo'];
    instructions?: string;
  };
  const version = SERVER_VERSIONS.find((candidate) => candidate === result.protocolVersion);
  if (version === undefined)
    throw new AppError(
      'upstream_error',
      `The server speaks protocol "${String(result.protocolVersion)}", which is unknown here`,
    );
  return {
    era: 'legacy',
    protocolVersion: version,
    capabilities: result.capabilities ?? {},
    serverInfo: result.serverInfo ?? null,
    ...(result.instructions !== undefined && { instructions: result.instructions }),
    raw: outcome.result,
  };
}

export interface PipeNegotiation {
  /** What to declare to a legacy server, JSON text. */
  capabilities: string;
  introduction?: Introduction;
  memory: Readonly<EraMemory>;
  /** The server, which is spoken to in the old era, has shown that it speaks the new one. */
  onLateModern: () => void;
}

/**
 * Finds out the era of a server on a pipe and does its handshake.
 *
 * `server/discover` goes first. A server that answers it with an error is a legacy one; a server that is silent may be
 * one, or may still be starting: it gets `initialize` as well. A server of both eras is of the old one from then on, so
 * its answer to `initialize` decides, whatever it said to `server/discover` before; that it is of the new era too is told
 * through `onLateModern`, so that the next connection can be made with patience.
 */
export async function negotiateOverPipe(
  ask: (request: RpcText) => Promise<string>,
  notify: (message: RpcText) => void,
  { capabilities, introduction, memory, onLateModern }: PipeNegotiation,
): Promise<UpstreamInfo> {
  const initialize = (): Promise<UpstreamInfo> =>
    ask(initializeRequest(capabilities, introduction)).then((response) => {
      const info = legacyInfo(response);
      notify(INITIALIZED);
      return info;
    });
  if (memory.diesOfProbe) return initialize();
  const discovered = ask(discoverRequest()).then(verdictOf);
  if (memory.known === 'modern') {
    const verdict = await discovered;
    return verdict.era === 'modern' ? verdict.info : initialize();
  }
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<'silence'>((resolve) => {
    timer = setTimeout(() => resolve('silence'), PROBE_SILENCE_MS);
  });
  try {
    const first = await Promise.race([discovered, silence]);
    if (first !== 'silence') return first.era === 'modern' ? first.info : await initialize();
    const late = discovered.then((verdict) => {
      if (verdict.era === 'modern') return verdict.info;
      throw new AppError('upstream_error', 'The server speaks no protocol revision that is known here');
    });
    late.catch(() => undefined);
    const info = await initialize().catch((refusal: unknown) => late.catch(() => Promise.reject(refusal as Error)));
    if (info.era === 'legacy') late.then(onLateModern, () => undefined);
    return info;
  } finally {
    clearTimeout(timer);
    discovered.catch(() => undefined);
  }
}
