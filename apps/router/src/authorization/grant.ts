import type {
  OAuthDiscoveryState,
  StoredOAuthClientInformation,
  StoredOAuthTokens,
} from '@modelcontextprotocol/client';

/** What a server said when it refused a request (RFC 6750 section 3, RFC 9728 section 5.1). */
export interface Challenge {
  status: 401 | 403;
  scope?: string;
  resourceMetadataUrl?: string;
}

/** A sign-in that was begun and not finished. */
export interface Flow {
  state: string;
  startedAt: number;
  codeVerifier: string;
  discovery?: OAuthDiscoveryState;
}

/** What the router holds for one server that wants tokens. */
export interface Grant {
  /** The server's address; what was granted for another one is void. */
  url: string;
  redirectUri?: string;
  clientMetadataUrl?: string;
  /** Registrations by issuer: what one authorization server gave is never shown to another. */
  clients: Record<string, StoredOAuthClientInformation>;
  /** The authorization server that credentials of the definition were used at first. */
  boundIssuer?: string;
  tokens?: StoredOAuthTokens;
  /** Asked for last. */
  scope?: string;
  challenge?: Challenge;
  flow?: Flow;
}

export const newGrant = (url: string): Grant => ({ url, clients: {} });

/** Whether all of `wanted` is in `held`; both are lists separated by spaces (RFC 6749 section 3.3). */
export function isWithin(wanted: string | undefined, held: string | undefined): boolean {
  const has = new Set(scopesOf(held));
  return scopesOf(wanted).every((scope) => has.has(scope));
}

export function union(...scopes: (string | undefined)[]): string | undefined {
  const all = new Set(scopes.flatMap(scopesOf));
  return all.size > 0 ? [...all].join(' ') : undefined;
}

const scopesOf = (text: string | undefined): string[] => (text ?? '').split(' ').filter((scope) => scope !== '');
