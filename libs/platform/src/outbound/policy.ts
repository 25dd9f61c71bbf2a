import { AppError } from '@mcp-router/shared';
import { z } from 'zod';
import { type AddressKind, type Block, addressKind, isInBlock, parseAddress, parseBlock } from './address';

/** The environment variable of every app that makes outgoing requests; spread into the app's own schema. */
export const OutboundEnv = {
  OUTBOUND_ALLOW: z
    .string()
    .default('')
    .transform((list) => list.split(',').filter((entry) => entry.trim() !== ''))
    .describe(
      'What outgoing requests may reach beyond the public internet, comma-separated: loopback, private, an address, a block (10.1.0.0/16), a host name or *.suffix, optionally with :port',
    ),
};

/** What may be requested beyond the public internet. */
export interface OutboundPolicy {
  /** Throws `url_refused` unless every one of the addresses `host` has may be requested on `port`. */
  check(host: string, port: number, addresses: readonly string[]): void;
}

interface Entry {
  readonly kind?: AddressKind;
  readonly block?: Block;
  readonly host?: string;
  readonly port?: number;
}

const KEYWORDS: Readonly<Record<string, AddressKind>> = { loopback: 'loopback', private: 'private' };

/**
 * Reads an allow-list: `loopback`, `private`, an address, a block (`10.0.0.0/8`), a host name, or `*.suffix`; each but
 * a block optionally with `:port` (IPv6 in brackets then).
 *
 * Link-local and metadata addresses are let through only by an entry that is that address or block, never by a name or
 * a keyword.
 * @throws Error that names the entry that cannot be read
 */
export function outboundPolicy(allow: readonly string[]): OutboundPolicy {
  const entries = allow
    .map((text) => text.trim())
    .filter(Boolean)
    .map(readEntry);
  return {
    check(host, port, addresses) {
      if (addresses.length === 0) throw refused(host, 'it has no address');
      for (const address of addresses) {
        const bytes = parseAddress(address);
        if (!bytes) throw refused(host, `"${address}" is not an address`);
        const kind = addressKind(bytes);
        if (kind === 'public') continue;
        const isAllowed = entries.some((entry) => {
          if (entry.port !== undefined && entry.port !== port) return false;
          if (entry.block) return isInBlock(bytes, entry.block);
          if (kind === 'link-local' || kind === 'metadata') return false;
          return entry.kind ? entry.kind === kind : matchesHost(entry.host ?? '', host);
        });
        if (!isAllowed) throw refused(host, `${address} is a ${kind} address`);
      }
    },
  };
}

function readEntry(text: string): Entry {
  const block = parseBlock(text);
  if (block) return { block };
  const match = /^(?:\[(?<ipv6>[0-9a-fA-F:.]+)\]|(?<name>[^:/\s[\]]+))(?::(?<port>\d{1,5}))?$/.exec(text);
  const { ipv6, name, port } = match?.groups ?? {};
  const place = ipv6 ?? name;
  if (!place) throw new Error(`"${text}" is no host, address, block, "loopback" or "private"`);
  const at = port === undefined ? {} : { port: Number(port) };
  const address = parseBlock(place);
  if (address) return { block: address, ...at };
  if (ipv6) throw new Error(`"${text}" is not an IPv6 address`);
  const kind = KEYWORDS[place];
  return kind ? { kind, ...at } : { host: place.toLowerCase(), ...at };
}

function matchesHost(pattern: string, host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, '');
  return pattern.startsWith('*.') ? name.endsWith(pattern.slice(1)) : name === pattern;
}

function refused(host: string, why: string): AppError {
  return new AppError('url_refused', `Requests to ${host} are refused: ${why}`, {
    hint: 'An address outside the public internet must be named in OUTBOUND_ALLOW (for example "loopback", "private", "10.1.0.0/16" or a host name)',
  });
}
