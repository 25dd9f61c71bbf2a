import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PREFIX = 'mcp-router-analysis-';
const STALE_MS = 25 * 3_600_000;

/** A folder of one's own for the time of a piece of work. */
export async function withScratch<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), PREFIX));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Removes what processes left that were killed: an analysis takes at most a day. */
export async function removeStale(now = Date.now()): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(PREFIX)) continue;
    const folder = join(tmpdir(), name);
    const { mtimeMs = now } = (await stat(folder).catch(() => undefined)) ?? {};
    if (now - mtimeMs > STALE_MS) await rm(folder, { recursive: true, force: true });
  }
}
