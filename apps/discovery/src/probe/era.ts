import type { Answer } from './mcp-exchange';
import { ProbeFailure } from './probe-failure';

/** The revision we speak first. */
export const MODERN_VERSION = '2026-07-28';
/** The newest revision of the era before it. */
export const LEGACY_VERSION = '2025-11-25';

/** Error codes that only servers of 2026-07-28 and later give: HeaderMismatch, MissingCapability, UnsupportedVersion. */
const MODERN_CODES = new Set([-32020, -32021, -32022]);
const UNSUPPORTED_VERSION = -32022;

export type Verdict =
  { era: 'modern'; protocolVersion: string; result: Record<string, unknown> | undefined } | { era: 'legacy' };

/**
 * Reads the era of a server from its answer to `server/discover`.
 *
 * Silence, 401, 403, 429 and 5xx say nothing about the era and are failures of the probe. A modern answer or one of the
 * modern error codes says modern; every other 4xx, and every other JSON-RPC answer, says legacy: ask `initialize`.
 *
 * @throws ProbeFailure
 * @see MCP specification 2026-07-28, basic/versioning
 */
export function eraOf({ status, headers, result, error }: Answer): Verdict {
  if (error && MODERN_CODES.has(error.code)) {
    const supported = supportedVersions((error.data as { supported?: unknown } | undefined)?.supported);
    const isOnlyLegacy = error.code === UNSUPPORTED_VERSION && supported.length > 0 && !supported.some(isModern);
    return isOnlyLegacy ? { era: 'legacy' } : { era: 'modern', protocolVersion: best(supported), result: undefined };
  }
  refuseFailure(status, headers);
  const supported = supportedVersions(result?.['supportedVersions']);
  if (status < 300 && supported.some(isModern)) return { era: 'modern', protocolVersion: best(supported), result };
  return { era: 'legacy' };
}

/** @throws ProbeFailure for a status that no request of ours would change */
export function refuseFailure(status: number, headers: Answer['headers']): void {
  if (status === 401) {
    const metadata = /resource_metadata="?([^",\s]+)/.exec(headers.get('www-authenticate') ?? '')?.[1];
    const where = metadata ? `; see ${metadata.slice(0, 500)}` : '';
    throw new ProbeFailure('auth_required', `The server asks for credentials${where}`);
  }
  if (status === 403) throw new ProbeFailure('forbidden', 'The server refuses this client (403)');
  if (status === 429) throw new ProbeFailure('rate_limited', 'The server asks for fewer requests (429)');
  if (status >= 500) throw new ProbeFailure('server_error', `The server answers ${status}`);
}

function supportedVersions(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((version) => typeof version === 'string') : [];
}

/** Revisions are dates, so they sort as text. */
function isModern(version: string): boolean {
  return version >= MODERN_VERSION;
}

function best(supported: string[]): string {
  return supported.includes(MODERN_VERSION) ? MODERN_VERSION : (supported.filter(isModern).sort()[0] ?? MODERN_VERSION);
}
