import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ArchiveRefused, unpack, type Skipped } from './archive';

/** A file that came out of an archive; its content lies in the folder under its hash (SHA-256). */
export interface UnpackedFile {
  path: string;
  hash: string;
  bytes: number;
}

export type UnpackResult =
  { files: UnpackedFile[]; skipped: Skipped } | { refused: { code: ArchiveRefused['code']; detail: string } };

/** Unpacks an archive on the disk into a folder, where every content lies once and under a name of ours. */
export async function unpackInto(kind: 'json' | 'zip' | 'tar', archive: string, folder: string): Promise<UnpackResult> {
  const files = new Map<string, UnpackedFile>();
  const written = new Set<string>();
  try {
    const skipped = await unpack(kind, await readFile(archive), (path, content) => {
      const hash = createHash('sha256').update(content).digest('hex');
      if (!written.has(hash)) writeFileSync(join(folder, hash), content);
      written.add(hash);
      files.set(path, { path, hash, bytes: content.length });
    });
    return { files: [...files.values()], skipped };
  } catch (error) {
    if (error instanceof ArchiveRefused) return { refused: { code: error.code, detail: error.message } };
    throw error;
  }
}
