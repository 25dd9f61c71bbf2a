/** A file of an analysis, before it is read. */
export interface FileRef {
  path: string;
  bytes: number;
  /** SHA-256 of the content, where it is known without reading. */
  hash?: string;
}

/**
 * What an analysis reads: names first, contents a batch at a time, so that a large project is never in memory as a
 * whole.
 */
export interface Sources {
  files: FileRef[];
  skipped: { path: string; reason: string }[];
  /** The folder that holds the files, null when they are not on the disk. */
  root: string | null;
  /** Contents by path; a file that has gone meanwhile, or grew too large, is missing. */
  read(files: readonly FileRef[]): Promise<Map<string, Buffer>>;
}

/** Files that are read together: at most `most` of them, and of `bytes` together unless one alone has more. */
export function* batches<T extends { bytes: number }>(
  files: readonly T[],
  most: number,
  bytes: number,
): Generator<T[]> {
  let batch: T[] = [];
  let size = 0;
  for (const file of files) {
    if (batch.length >= most || (batch.length > 0 && size + file.bytes > bytes)) {
      yield batch;
      batch = [];
      size = 0;
    }
    batch.push(file);
    size += file.bytes;
  }
  if (batch.length > 0) yield batch;
}
