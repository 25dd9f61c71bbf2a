const MAX_BYTES = 1_048_576;

/** The last MiB of what a server wrote on stderr, with its secrets blotted out. */
export class LogRing {
  private chunks: Buffer[] = [];
  private size = 0;
  private readonly listeners = new Set<(text: string) => void>();
  /** What may be the start of a secret whose rest comes with the next chunk. */
  private carry = '';
  private readonly longest: number;

  /** @param secrets values that must not appear; those of fewer than 4 characters would blot out ordinary text */
  constructor(
    secrets: readonly string[],
    private readonly maxBytes = MAX_BYTES,
  ) {
    this.secrets = secrets.filter((secret) => secret.length >= 4).sort((a, b) => b.length - a.length);
    this.longest = this.secrets[0]?.length ?? 0;
  }

  private readonly secrets: readonly string[];

  write(chunk: Buffer | string): void {
    const clean = this.redact(this.carry + chunk.toString());
    // Whole lines go out at once; of an open line only what cannot be the start of a secret.
    const cut = this.longest === 0 ? clean.length : Math.max(clean.lastIndexOf('\n') + 1, clean.length - this.longest);
    this.carry = clean.slice(cut);
    this.append(clean.slice(0, cut));
  }

  /** A line of our own between those of the server. */
  note(line: string): void {
    this.flush();
    this.append(`[mcp-router] ${line}\n`);
  }

  flush(): void {
    const rest = this.carry;
    this.carry = '';
    this.append(rest);
  }

  read(tailBytes = this.maxBytes): string {
    const all = Buffer.concat([...this.chunks, Buffer.from(this.carry)]);
    return all.subarray(Math.max(0, all.length - tailBytes)).toString('utf8');
  }

  follow(listener: (text: string) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  redact(text: string): string {
    let clean = text;
    for (const secret of this.secrets) clean = clean.replaceAll(secret, '[redacted]');
    return clean;
  }

  private append(text: string): void {
    if (text === '') return;
    const bytes = Buffer.from(text);
    this.chunks.push(bytes);
    this.size += bytes.length;
    while (this.size > this.maxBytes && this.chunks.length > 1) this.size -= this.chunks.shift()?.length ?? 0;
    if (this.size > this.maxBytes) {
      this.chunks = [bytes.subarray(bytes.length - this.maxBytes)];
      this.size = this.maxBytes;
    }
    for (const listener of this.listeners) listener(text);
  }
}
