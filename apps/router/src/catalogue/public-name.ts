import { createHash } from 'node:crypto';

/** Safe with every client and model API seen so far: 1 to 64 of these characters. */
const MAX_LENGTH = 64;
const FOREIGN = /[^A-Za-z0-9_.-]/g;
const HASH_LENGTH = 8;

/**
 * The name of a server's tool or prompt on the aggregate endpoint, `server__name`. A name that is too long or has
 * characters outside `[A-Za-z0-9_.-]` is cut and gets a hash of the original, so it is the same on every replica.
 */
export function publicName(slug: string, name: string): string {
  const clean = name.replace(FOREIGN, '_');
  const plain = `${slug}__${clean}`;
  return clean === name && name !== '' && plain.length <= MAX_LENGTH ? plain : hashedName(slug, name);
}

/** The form with a hash, also for a second name that would look the same as a first one. */
export function hashedName(slug: string, name: string): string {
  const hash = createHash('sha256').update(`${slug}\0${name}`).digest('hex').slice(0, HASH_LENGTH);
  const room = MAX_LENGTH - slug.length - 2 - HASH_LENGTH - 1;
  return `${slug}__${name.replace(FOREIGN, '_').slice(0, room)}_${hash}`;
}
