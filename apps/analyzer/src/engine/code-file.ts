import type { LanguageId } from './languages';
import { measure, type FileMetrics } from './measure';
import { parse } from './parser';
import type { SyntaxTree } from './syntax-tree';
import { unitsOf, type Units } from './units';

/** One parsed file, as rules see it. */
export interface CodeFile {
  /** Path inside the analysis, with forward slashes. */
  readonly path: string;
  readonly language: LanguageId;
  readonly tree: SyntaxTree;
  readonly units: Units;
  readonly metrics: FileMetrics;
}

/** Parses and measures one file. */
export async function readCode(path: string, language: LanguageId, source: string, maxMs?: number): Promise<CodeFile> {
  const tree = await parse(source, language, maxMs);
  const units = unitsOf(tree, language);
  return { path, language, tree, units, metrics: measure(tree, language, units) };
}
