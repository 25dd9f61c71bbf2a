import { hash, randomBytes } from 'node:crypto';

/** A new key: `mcpr_` and 256 random bits. */
export function makeKey(): string {
  return `mcpr_${randomBytes(32).toString('base64url')}`;
}

/** Hex SHA-256, the only form in which a key is stored. */
export function hashKey(key: string): string {
  return hash('sha256', key, 'hex');
}

/** What may be shown of a key. */
export function prefixOf(key: string): string {
  return key.slice(0, 9);
}
