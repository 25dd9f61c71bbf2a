/** The part of yauzl 3 that is used; the package has no types of its own. */
declare module 'yauzl' {
  import type { EventEmitter } from 'node:events';
  import type { Readable } from 'node:stream';

  export interface Entry {
    fileName: string;
    uncompressedSize: number;
    externalFileAttributes: number;
  }
  export interface ZipFile extends EventEmitter {
    readEntry(): void;
    close(): void;
    openReadStream(entry: Entry, callback: (error: Error | null, stream: Readable) => void): void;
  }
  export interface Options {
    lazyEntries?: boolean;
    validateEntrySizes?: boolean;
    decodeStrings?: boolean;
  }
  export function fromBuffer(
    data: Buffer,
    options: Options,
    callback: (error: Error | null, zip: ZipFile) => void,
  ): void;
  const yauzl: { fromBuffer: typeof fromBuffer };
  export default yauzl;
}
