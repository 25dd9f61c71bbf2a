import { AppError } from '@mcp-router/shared';

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

export interface OriginRules {
  host: string;
  allowedHosts: readonly string[];
  allowedOrigins: readonly string[];
}

/**
 * Refuses requests that a browser page of another site, or a rebound DNS name, sends to this address: `Host` must be
 * loopback, the address we listen on, or allowed; `Origin`, if there is one, must be loopback, our own, or allowed.
 */
export class OriginCheck {
  private readonly hosts: ReadonlySet<string>;
  private readonly origins: ReadonlySet<string>;
  /** On every interface no name can be known: then only `ALLOWED_HOSTS` limits, if it is set. */
  private readonly anyHost: boolean;

  constructor({ host, allowedHosts, allowedOrigins }: OriginRules) {
    this.anyHost = (host === '0.0.0.0' || host === '::') && allowedHosts.length === 0;
    this.hosts = new Set([...LOOPBACK, host.toLowerCase(), ...allowedHosts.map((name) => name.toLowerCase())]);
    this.origins = new Set(allowedOrigins.map((origin) => origin.toLowerCase()));
  }

  /** @throws AppError `origin_refused` */
  check(host: string | undefined, origin: string | undefined): void {
    if (!this.anyHost && !this.hosts.has(nameOf(host ?? ''))) {
      throw new AppError('origin_refused', 'This Host is not served here', { hint: 'Add it to ALLOWED_HOSTS' });
    }
    if (origin !== undefined && !this.isOriginAllowed(origin.toLowerCase(), host)) {
      throw new AppError('origin_refused', 'This Origin is not allowed', { hint: 'Add it to ALLOWED_ORIGINS' });
    }
  }

  private isOriginAllowed(origin: string, host: string | undefined): boolean {
    if (this.origins.has(origin)) return true;
    const authority = /^https?:\/\/([^/]+)$/.exec(origin)?.[1];
    return authority !== undefined && (LOOPBACK.has(nameOf(authority)) || authority === host?.toLowerCase());
  }
}

/** The name in `name:port`, lower-case; an IPv6 address keeps its brackets. */
function nameOf(authority: string): string {
  return authority.toLowerCase().replace(/:\d+$/, '');
}
