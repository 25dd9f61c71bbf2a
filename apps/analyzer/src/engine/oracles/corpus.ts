import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { languageOf, type LanguageId } from '../languages';

export interface CorpusFile {
  path: string;
  language: LanguageId;
  source: string;
}

const MODULES = dirname(dirname(require.resolve('yauzl')));

/**
 * Files of installed packages: code that nobody of this project wrote.
 *
 * @param packages names below `node_modules`
 * @param maxBytes larger files (bundles) are left out
 */
export function* corpus(packages: readonly string[], maxBytes = 200_000): Generator<CorpusFile> {
  for (const name of packages) yield* filesBelow(join(MODULES, name), maxBytes);
}

export const packageFolder = (name: string) => join(MODULES, name);

function* filesBelow(folder: string, maxBytes: number): Generator<CorpusFile> {
  for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (entry.name !== 'node_modules') yield* filesBelow(path, maxBytes);
      continue;
    }
    const language = languageOf(entry.name);
    if (!language || !entry.isFile() || statSync(path).size > maxBytes) continue;
    yield { path: relative(MODULES, path), language, source: readFileSync(path, 'utf8') };
  }
}
