import type { DiscoveryPolicy, Endpoint } from '@mcp-router/shared';

/** The label with which whoever runs a server asks for it to be taken without a person deciding. */
const APPROVE_LABEL = 'mcp.approve';

/** One source that sees the server, and what may be done with what it finds. */
export interface Say {
  policy: DiscoveryPolicy;
  sourceType: string;
  /** What it finds is scanned before its tools may be used. */
  scanBeforeUse?: boolean;
  labels: Record<string, string>;
}

/**
 * Whether a found server is registered without a person deciding.
 *
 * A server with an address has to be well first. A command is taken only from a file that somebody of this machine
 * wrote; a package never.
 */
export function mayApprove(kind: Endpoint['kind'], isHealthy: boolean, says: readonly Say[]): boolean {
  if (kind === 'package') return false;
  return says.some(({ policy, sourceType, labels }) => {
    if (kind === 'stdio' ? sourceType !== 'files' : !isHealthy) return false;
    return policy === 'auto' || (policy === 'by-label' && labels[APPROVE_LABEL] === 'true');
  });
}

/** A slug made of a name: `io.github.acme/Weather Server` → `weather-server`. */
export function slugOf(name: string): string {
  const last = name.split('/').filter(Boolean).at(-1) ?? name;
  const slug = last
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 28)
    .replaceAll(/^-+|-+$/g, '');
  return slug === '' ? 'server' : slug;
}
