import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import type { ModuleFile } from '../import-graph';
import { languageOf } from '../languages';
import { moduleFacts } from '../module-facts';
import { parse } from '../parser';
import { packageFolder } from '../oracles/corpus';

export interface Folder {
  path: string;
  remove(): void;
}

/** A copy of (a part of) an installed package outside of node_modules, where other tools take it for a project. */
export function copyOfPackage(name: string, part = '', entry = 'index.js'): Folder {
  const path = mkdtempSync(join(tmpdir(), 'mcpr-oracle-'));
  cpSync(join(packageFolder(name), part), path, {
    recursive: true,
    filter: (from) => !from.includes('/node_modules/', packageFolder(name).length) && !/\.d\.[cm]?ts$/.test(from),
  });
  writeFileSync(
    join(path, 'package.json'),
    JSON.stringify({ name: 'oracle', version: '1.0.0', type: 'module', main: entry }),
  );
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export function folderOf(files: Readonly<Record<string, string>>): Folder {
  const path = mkdtempSync(join(tmpdir(), 'mcpr-project-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** The modules below a folder. */
export async function modulesBelow(root: string): Promise<ModuleFile[]> {
  const files: ModuleFile[] = [];
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const full = join(entry.parentPath, entry.name);
    const language = languageOf(entry.name);
    if (!entry.isFile() || !language || full.includes('/node_modules/')) continue;
    const tree = await parse(readFileSync(full, 'utf8'), language);
    files.push({ path: relative(root, full), language, ...moduleFacts(tree, language) });
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}
