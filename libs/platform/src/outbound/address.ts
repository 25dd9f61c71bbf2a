import { isIPv4, isIPv6 } from 'node:net';

/** What kind of place an address is. Only `public` may be requested without being allow-listed. */
export type AddressKind = 'public' | 'loopback' | 'private' | 'link-local' | 'metadata' | 'reserved';

/** An address as its bytes: 4 of IPv4 or 16 of IPv6. */
export type AddressBytes = readonly number[];

/** A block of addresses; an IPv4 block also covers the IPv6 forms that carry an IPv4 address of it. */
export interface Block {
  readonly bytes: AddressBytes;
  readonly bits: number;
}

/**
 * Parses the text of an IPv4 or IPv6 address (a zone such as `%eth0` is ignored).
 * @returns its bytes, or undefined for anything else, so also for `0x7f.1` and other spellings only `inet_aton` knows
 */
export function parseAddress(text: string): AddressBytes | undefined {
  const [address = ''] = text.split('%');
  if (isIPv4(address)) return address.split('.').map(Number);
  return isIPv6(address) ? ipv6Bytes(address) : undefined;
}

function ipv6Bytes(address: string): AddressBytes {
  const [head, tail] = address.split('::') as [string, string?];
  const front = groupBytes(head);
  if (tail === undefined) return front;
  const back = groupBytes(tail);
  return [...front, ...Array<number>(16 - front.length - back.length).fill(0), ...back];
}

function groupBytes(groups: string): number[] {
  if (groups === '') return [];
  return groups.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

/** Parses `10.0.0.0/8`, `fd00::/8` or a single address. */
export function parseBlock(text: string): Block | undefined {
  const [address = '', bits, ...rest] = text.split('/');
  const bytes = parseAddress(address);
  if (!bytes || rest.length > 0) return undefined;
  if (bits === undefined) return { bytes, bits: bytes.length * 8 };
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > bytes.length * 8) return undefined;
  return { bytes, bits: Number(bits) };
}

/** Whether the block holds the address, in the form it was written or as the IPv4 address inside of it. */
export function isInBlock(address: AddressBytes, block: Block): boolean {
  if (block.bytes.length === address.length && prefixMatches(address, block)) return true;
  const embedded = embeddedIpv4(address);
  return embedded !== undefined && block.bytes.length === 4 && prefixMatches(embedded, block);
}

function prefixMatches(address: AddressBytes, { bytes, bits }: Block): boolean {
  for (let i = 0; i * 8 < bits; i++) {
    const mask = bits - i * 8 >= 8 ? 0xff : (0xff << (8 - (bits - i * 8))) & 0xff;
    if (((address[i] ?? 0) & mask) !== ((bytes[i] ?? 0) & mask)) return false;
  }
  return true;
}

const table = (kind: AddressKind, ...blocks: string[]) =>
  blocks.map((text) => ({ kind, block: parseBlock(text) as Block }));

/** IANA special-purpose registries (RFC 6890 and its updates); the first match decides. */
const SPECIAL = [
  // Instance metadata of AWS, GCP, Azure, OpenStack (v4, v6), Alibaba, Azure's wire server, Oracle.
  ...table('metadata', '169.254.169.254', '169.254.170.2', '169.254.170.23', 'fd00:ec2::254', 'fd20:ce::254'),
  ...table('metadata', '100.100.100.200', '168.63.129.16', '192.0.0.192', 'fd00:42::42'),
  ...table('loopback', '127.0.0.0/8', '::1'),
  ...table('private', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7'),
  ...table('link-local', '169.254.0.0/16', 'fe80::/10', 'fec0::/10'),
  ...table('reserved', '0.0.0.0/8', '192.0.0.0/24', '192.0.2.0/24', '192.31.196.0/24', '192.52.193.0/24'),
  ...table('reserved', '192.88.99.0/24', '192.175.48.0/24', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'),
  ...table('reserved', '224.0.0.0/4', '240.0.0.0/4'),
  ...table('reserved', '2001::/23', '2001:db8::/32', '3fff::/20', '5f00::/16'),
];

const GLOBAL_UNICAST = parseBlock('2000::/3') as Block;

/** Tells what kind of place an address is; an IPv6 form that carries an IPv4 address is what that address is. */
export function addressKind(address: AddressBytes): AddressKind {
  const special = SPECIAL.find(({ block }) => block.bytes.length === address.length && prefixMatches(address, block));
  if (special) return special.kind;
  if (address.length === 4) return 'public';
  const embedded = embeddedIpv4(address);
  if (embedded) return addressKind(embedded);
  return prefixMatches(address, GLOBAL_UNICAST) ? 'public' : 'reserved';
}

/** IPv6 prefixes that carry an IPv4 address, and where: mapped, translated, compatible, NAT64 (both), 6to4. */
const CARRIERS = [
  { block: parseBlock('::ffff:0:0/96') as Block, at: 12 },
  { block: parseBlock('::ffff:0:0:0/96') as Block, at: 12 },
  { block: parseBlock('::/96') as Block, at: 12 },
  { block: parseBlock('64:ff9b::/96') as Block, at: 12 },
  { block: parseBlock('64:ff9b:1::/48') as Block, at: 12 },
  { block: parseBlock('2002::/16') as Block, at: 2 },
];

function embeddedIpv4(address: AddressBytes): AddressBytes | undefined {
  if (address.length !== 16) return undefined;
  const carrier = CARRIERS.find(({ block }) => prefixMatches(address, block));
  if (carrier) return address.slice(carrier.at, carrier.at + 4);
  // ISATAP (RFC 5214): the interface identifier is 0000:5efe or 0200:5efe and the IPv4 address.
  const isIsatap =
    (address[8] === 0 || address[8] === 2) && address[9] === 0 && address[10] === 0x5e && address[11] === 0xfe;
  return isIsatap ? address.slice(12) : undefined;
}
