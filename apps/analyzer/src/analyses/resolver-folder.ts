import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { isManifest } from '../engine/configuration';
import { quickPlace, withScratch } from './scratch';
import { batches, type Sources } from './sources';

const AT_ONCE = 64;
/** What manifests may hold together to be kept in memory; a container has 64 MB for all that is. */
const MAX_IN_MEMORY = 8_000_000;

/**
 * Gives the work a folder in which imports can be resolved: the files' own one, or one that has the same names. Only
 * manifests have content there; the resolver reads no others. The folder is made while the work goes on.
 */
export async function withFolder<T>(sources: Sources, work: (folder: Promise<string>) => Promise<T>): Promise<T> {
  if (sources.root !== null) return work(Promise.resolve(sources.root));
  const manifests = sources.files.filter(({ path }) => isManifest(path)).reduce((sum, { bytes }) => sum + bytes, 0);
  return withScratch(
    async (path) => {
      const folder = fill(path, sources).then(() => path);
      // Who needs the folder hears of a failure; when the work has failed before, nobody does.
      folder.catch(() => undefined);
      try {
        return await work(folder);
      } finally {
        await folder.catch(() => undefined);
      }
    },
    manifests <= MAX_IN_MEMORY ? await quickPlace() : tmpdir(),
  );
}

async function fill(folder: string, sources: Sources): Promise<void> {
  const contents = await sources.read(sources.files.filter(({ path }) => isManifest(path)));
  const made = new Set<string>();
  for (const batch of batches(sources.files, AT_ONCE, Infinity))
    await Promise.all(
      batch.map(async ({ path }) => {
        const target = join(folder, path);
        // Paths were checked when the archive was read; a second look costs nothing.
        if (!target.startsWith(`${folder}/`)) return;
        await makeFolder(dirname(target), made);
        await writeFile(target, contents.get(path) ?? '', { flag: 'wx' }).catch(unlessTaken);
      }),
    );
}

async function makeFolder(folder: string, made: Set<string>): Promise<void> {
  if (made.has(folder)) return;
  await mkdir(folder, { recursive: true }).catch(unlessTaken);
  made.add(folder);
}

/** Two names that a file system takes for one, or a file where another has a folder: the first stands. */
function unlessTaken(error: unknown): void {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (!['EEXIST', 'EISDIR', 'ENOTDIR', 'ENOENT'].includes(code)) throw error;
}
