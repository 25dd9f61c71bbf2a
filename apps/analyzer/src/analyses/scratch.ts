import { constants } from 'node:fs';
import { access, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PREFIX = 'mcp-router-analysis-';
const STALE_MS = 25 * 3_600_000;

/** Files in memory, where the system has such a place: a file there takes a hundredth of the time of one on a disk. */
const IN_MEMORY = '/dev/shm';

/** Where many small files are best put for a short time. */
export async function quickPlace(): Promise<string> {
  return access(IN_MEMORY, constants.W_OK | constants.X_OK).then(
    () => IN_MEMORY,
    () => tmpdir(),
  );
}

/** A folder of one's own for the time of a piece of work. */
export async function withScratch<T>(work: (folder: string) => Promise<T>, place = tmpdir()): Promise<T> {
  const folder = await mkdtemp(join(place, PREFIX));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Removes what processes left that were killed: an analysis takes at most a day. */
export async function removeStale(now = Date.now()): Promise<void> {
  for (const place of new Set([tmpdir(), await quickPlace()]))
    for (const name of await readdir(place)) {
      if (!name.startsWith(PREFIX)) continue;
      const folder = join(place, name);
      const { mtimeMs = now } = (await stat(folder).catch(() => undefined)) ?? {};
      if (now - mtimeMs > STALE_MS) await rm(folder, { recursive: true, force: true });
    }
}
