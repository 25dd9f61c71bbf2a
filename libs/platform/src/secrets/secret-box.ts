import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

const ALGORITHM = 'aes-256-gcm';
const IV_BYTES = 12;

/** A key of 32 bytes and the short name that stands in what it encrypted. */
interface Key {
  id: string;
  bytes: Buffer;
}

/** Thrown for a text that none of the keys can open; says nothing of its content. */
export class SecretUnreadable extends Error {}

/**
 * Encrypts with the first key, decrypts with any: AES-256-GCM, text `keyId.iv.tag.ciphertext` in base64url. What a text
 * belongs to (the row's id) is authenticated with it, so it cannot be moved to another row.
 */
export class SecretBox {
  private readonly keys: Key[];

  /** @param keys newest first; any text of enough entropy */
  constructor(keys: readonly string[]) {
    if (keys.length === 0) throw new Error('A key is needed');
    this.keys = keys.map((text) => {
      const bytes = createHash('sha256').update(`mcp-router secrets\0${text}`).digest();
      return { bytes, id: createHash('sha256').update(bytes).digest('hex').slice(0, 8) };
    });
  }

  /** Of the key that encrypts. */
  get keyId(): string {
    return this.current.id;
  }

  private get current(): Key {
    return this.keys[0] as Key;
  }

  seal(plain: string, belongsTo: string): string {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.current.bytes, iv).setAAD(Buffer.from(belongsTo));
    const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
    return [this.keyId, ...[iv, cipher.getAuthTag(), body].map((part) => part.toString('base64url'))].join('.');
  }

  /** @throws SecretUnreadable when the key is not there or the text was changed or moved */
  open(sealed: string, belongsTo: string): string {
    const [id, iv = '', tag = '', body = ''] = sealed.split('.');
    const key = this.keys.find((candidate) => candidate.id === id);
    if (!key) throw new SecretUnreadable(`It was encrypted with the key ${id ?? ''}, which is not here`);
    try {
      const decipher = createDecipheriv(ALGORITHM, key.bytes, Buffer.from(iv, 'base64url'))
        .setAAD(Buffer.from(belongsTo))
        .setAuthTag(Buffer.from(tag, 'base64url'));
      return Buffer.concat([decipher.update(Buffer.from(body, 'base64url')), decipher.final()]).toString('utf8');
    } catch {
      throw new SecretUnreadable('It does not belong here or was changed');
    }
  }

  /** Whether the text is encrypted with the key that encrypts now. */
  isCurrent(sealed: string): boolean {
    return sealed.startsWith(`${this.keyId}.`);
  }
}
