import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import tar from 'tar-stream';
import yauzl, { type Entry } from 'yauzl';
import { isConfiguration } from './configuration';
import { languageOf } from './languages';

/** What was left out, and why. */
export type Skipped = { path: string; reason: string }[];

/** Takes a file out of an archive; called again for the same path the later one stands. */
export type Keep = (path: string, content: Buffer) => void;

/** The archive is broken or hostile (`invalid_request`), or larger than is allowed (`limit_exceeded`). */
export class ArchiveRefused extends Error {
  constructor(
    readonly code: 'invalid_request' | 'limit_exceeded',
    message: string,
  ) {
    super(message);
    this.name = 'ArchiveRefused';
  }
}

export interface ArchiveLimits {
  /** Files of any kind. */
  entries: number;
  /** Bytes of one file; a larger one is left out. */
  fileBytes: number;
  /** Bytes of all files together, unpacked. */
  totalBytes: number;
  /** Unpacked bytes for each packed one, judged from 1 MiB on. */
  ratio: number;
}

export const ARCHIVE_LIMITS: ArchiveLimits = {
  entries: 20_000,
  fileBytes: 2_000_000,
  totalBytes: 200_000_000,
  ratio: 100,
};

const S_IFMT = 0o170000;
const S_IFLNK = 0o120000;

/**
 * Reads an archive within limits that are checked while it is read; what it holds of code and configuration is given to
 * `keep`, one file at a time.
 *
 * @throws ArchiveRefused
 */
export async function unpack(
  kind: 'json' | 'zip' | 'tar',
  data: Buffer,
  keep: Keep,
  limits: ArchiveLimits = ARCHIVE_LIMITS,
): Promise<Skipped> {
  const into = new Unpacking(data.length, limits, keep);
  try {
    if (kind === 'json') fromJson(data, into);
    else if (kind === 'zip') await fromZip(data, into);
    else await fromTar(data, into);
  } catch (error) {
    if (error instanceof ArchiveRefused) throw error;
    throw new ArchiveRefused('invalid_request', `The archive cannot be read: ${(error as Error).message}`);
  }
  return into.skipped;
}

class Unpacking {
  readonly skipped: Skipped = [];
  private entries = 0;
  private bytes = 0;

  constructor(
    private readonly packedBytes: number,
    readonly limits: ArchiveLimits,
    readonly keep: Keep,
  ) {}

  /** Counts an entry. @returns its path when it is to be read */
  admit(name: string, what: { isLink: boolean; isFile: boolean; size: number }): string | undefined {
    if (++this.entries > this.limits.entries)
      throw new ArchiveRefused('limit_exceeded', `The archive has more than ${this.limits.entries} entries`);
    const path = safePath(name);
    if (path === undefined)
      throw new ArchiveRefused(
        'invalid_request',
        `The archive names a path outside of itself: ${JSON.stringify(name.slice(0, 200))}`,
      );
    if (what.isLink) this.skip(path, 'a link');
    else if (!what.isFile) return undefined;
    else if (what.size > this.limits.fileBytes) this.skip(path, `larger than ${this.limits.fileBytes} bytes`);
    else if (isRead(path)) return path;
    return undefined;
  }

  skip(path: string, reason: string): void {
    if (this.skipped.length < 1_000) this.skipped.push({ path, reason });
  }

  /** Counts bytes as they come out; sizes that an archive declares may be lies. */
  count(bytes: number): void {
    this.bytes += bytes;
    if (this.bytes > this.limits.totalBytes)
      throw new ArchiveRefused('limit_exceeded', `The archive unpacks to more than ${this.limits.totalBytes} bytes`);
    if (this.bytes > 1_048_576 && this.bytes > this.packedBytes * this.limits.ratio)
      throw new ArchiveRefused(
        'limit_exceeded',
        `The archive unpacks to more than ${this.limits.ratio} times its size`,
      );
  }
}

/** Whether the analysis has a use for a file of this name: code, or configuration. */
export const isRead = (path: string): boolean => languageOf(path) !== undefined || isConfiguration(path);

/** A path that stays inside: relative, without `..`, NUL and drive letters. Undefined for any other. */
export function safePath(name: string): string | undefined {
  const path = name.replaceAll('\\', '/').replace(/^(?:\.\/)+/, '');
  if (path === '' || path.length > 1024 || path.includes('\0') || path.startsWith('/') || /^[a-z]:/i.test(path))
    return undefined;
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  return parts.length === 0 || parts.includes('..') ? undefined : parts.join('/');
}

function fromJson(data: Buffer, into: Unpacking): void {
  const files: unknown = JSON.parse(data.toString('utf8'));
  if (!Array.isArray(files)) throw new Error('a list of files is expected');
  for (const file of files as { path?: unknown; content?: unknown }[]) {
    const { path: name, content } = file;
    if (typeof name !== 'string' || typeof content !== 'string')
      throw new Error('a file has a path and a content, both texts');
    const bytes = Buffer.from(content);
    const path = into.admit(name, { isLink: false, isFile: true, size: bytes.length });
    if (path !== undefined) into.keep(path, bytes);
    else if (!isRead(name)) into.skip(name, 'not a file that is read');
  }
}

function fromZip(data: Buffer, into: Unpacking): Promise<void> {
  return new Promise((resolve, reject) => {
    yauzl.fromBuffer(data, { lazyEntries: true, validateEntrySizes: true, decodeStrings: true }, (failure, zip) => {
      if (failure) {
        reject(failure);
        return;
      }
      const fail = (error: unknown) => {
        zip.close();
        reject(error instanceof Error ? error : new Error(String(error)));
      };
      zip.on('error', fail);
      zip.on('end', resolve);
      zip.on('entry', (entry: Entry) => {
        try {
          const mode = (entry.externalFileAttributes >>> 16) & S_IFMT;
          const isFolder = entry.fileName.endsWith('/');
          const path = into.admit(entry.fileName, {
            isLink: mode === S_IFLNK,
            isFile: !isFolder,
            size: entry.uncompressedSize,
          });
          if (path === undefined) return zip.readEntry();
          zip.openReadStream(entry, (error, stream) => {
            if (error) return fail(error);
            collect(stream, into).then((content) => {
              into.keep(path, content);
              zip.readEntry();
            }, fail);
          });
        } catch (error) {
          fail(error);
        }
      });
      zip.readEntry();
    });
  });
}

async function fromTar(data: Buffer, into: Unpacking): Promise<void> {
  const extract = tar.extract();
  // Its own reason, where the stream only says that it was closed.
  let failure: Error | undefined;
  extract.on('entry', (header, stream, next) => {
    const work = async () => {
      const isLink = header.type === 'symlink' || header.type === 'link';
      const path = into.admit(header.name, {
        isLink,
        isFile: header.type === 'file' || header.type === 'contiguous-file',
        size: header.size,
      });
      if (path !== undefined) into.keep(path, await collect(stream, into));
      else for await (const chunk of stream) into.count((chunk as Buffer).length);
    };
    work().then(
      () => next(),
      (error: unknown) => {
        failure = error as Error;
        extract.destroy(failure);
      },
    );
  });
  const isGzip = data[0] === 0x1f && data[1] === 0x8b;
  const source = Readable.from(slices(data));
  await (isGzip ? pipeline(source, createGunzip(), extract) : pipeline(source, extract)).catch((error: unknown) => {
    throw failure ?? error;
  });
}

function* slices(data: Buffer): Generator<Buffer> {
  for (let at = 0; at < data.length; at += 65_536) yield data.subarray(at, at + 65_536);
}

async function collect(stream: AsyncIterable<unknown>, into: Unpacking): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    const bytes = chunk as Buffer;
    into.count(bytes.length);
    length += bytes.length;
    if (length > into.limits.fileBytes)
      throw new ArchiveRefused('limit_exceeded', 'A file of the archive is larger than it says');
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}
