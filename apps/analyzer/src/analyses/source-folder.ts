import { constants } from 'node:fs';
import { open, readdir, realpath, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { AppError } from '@mcp-router/shared';
import { ARCHIVE_LIMITS, isRead } from '../engine/archive';
import type { FileRef, Sources } from './sources';

const LEFT_OUT = new Set([
  'node_modules',
  '.git',
  'dist',
  'build',
  'coverage',
  '.next',
  '.venv',
  'venv',
  '__pycache__',
  'target',
  'vendor',
]);

/**
 * The real path of a folder, when it lies below one of the allowed roots.
 *
 * @throws AppError `forbidden`, the same for a folder that does not exist as for one that is not allowed
 */
export async function allowedFolder(path: string, roots: readonly string[]): Promise<string> {
  const refuse = () =>
    new AppError('forbidden', 'This path may not be analysed', { hint: 'ANALYZER_ROOTS names the folders that may' });
  const real = await realpath(path).catch(() => undefined);
  if (real === undefined) throw refuse();
  for (const root of roots) {
    const allowed = await realpath(root).catch(() => undefined);
    if (allowed === undefined) continue;
    const inside = relative(allowed, real);
    if (inside === '' || (!inside.startsWith('..') && !inside.startsWith(sep))) {
      if (!(await stat(real)).isDirectory()) throw new AppError('invalid_request', 'This path is not a folder');
      return real;
    }
  }
  throw refuse();
}

/** The files below a folder that are read; links are not followed, folders of tools and dependencies are left out. */
export async function folderSources(root: string): Promise<Sources> {
  const files: FileRef[] = [];
  const skipped: Sources['skipped'] = [];
  const queue = [''];
  let total = 0;
  for (let folder = queue.shift(); folder !== undefined; folder = queue.shift())
    for (const entry of (await readdir(join(root, folder), { withFileTypes: true })).sort((a, b) =>
      a.name < b.name ? -1 : 1,
    )) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory() && !LEFT_OUT.has(entry.name)) queue.push(path);
      if (!entry.isFile() || !isRead(path)) continue;
      const { size } = await stat(join(root, path));
      if (size > ARCHIVE_LIMITS.fileBytes) {
        skipped.push({ path, reason: `larger than ${ARCHIVE_LIMITS.fileBytes} bytes` });
        continue;
      }
      total += size;
      if (files.length >= ARCHIVE_LIMITS.entries || total > ARCHIVE_LIMITS.totalBytes)
        throw new AppError(
          'limit_exceeded',
          `The folder has more than ${ARCHIVE_LIMITS.entries} files or ${ARCHIVE_LIMITS.totalBytes} bytes of code`,
        );
      files.push({ path, bytes: size });
    }
  return { files, skipped, root, read: (wanted) => readFiles(root, wanted) };
}

async function readFiles(root: string, files: readonly FileRef[]): Promise<Map<string, Buffer>> {
  const contents = new Map<string, Buffer>();
  for (const { path } of files) {
    // It was a plain file when it was listed; a link that took its place is not followed.
    const file = await open(join(root, path), constants.O_RDONLY | constants.O_NOFOLLOW).catch(() => undefined);
    if (!file) continue;
    try {
      if ((await file.stat()).size <= ARCHIVE_LIMITS.fileBytes) contents.set(path, await file.readFile());
    } finally {
      await file.close();
    }
  }
  return contents;
}
