import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Language, Parser } from 'web-tree-sitter';
import { GRAMMARS, type LanguageId } from './languages';
import { type Binding, flatten } from './flatten';
import type { SyntaxTree } from './syntax-tree';

const languages = new Map<string, Promise<Language>>();
let ready: Promise<void> | undefined;
let parser: Parser | undefined;
/** Filled by Emscripten: it takes the options object as its module. */
const binding = {} as Binding;

/** Folder of the grammars: found from the running script, which lies above `node_modules` in a build and in a test. */
function grammarFolder(): string {
  return dirname(
    createRequire(process.argv[1] ?? join(process.cwd(), 'x.js')).resolve(
      '@vscode/tree-sitter-wasm/wasm/tree-sitter.wasm',
    ),
  );
}

function load(wasm: string): Promise<Language> {
  const known = languages.get(wasm);
  if (known) return known;
  const loading = readFile(join(grammarFolder(), `tree-sitter-${wasm}.wasm`)).then((bytes) => Language.load(bytes));
  languages.set(wasm, loading);
  return loading;
}

/** Loads the parser and a grammar; later calls cost nothing. */
export async function prepare(language: LanguageId): Promise<Language> {
  ready ??= Parser.init(binding);
  await ready;
  parser ??= new Parser();
  return load(GRAMMARS[language].wasm);
}

/** Thrown when a file cannot be parsed within its time. */
export class ParseTimeout extends Error {}

/**
 * Parses one file. Broken code gives a tree with `hasError`, never an exception.
 *
 * @throws ParseTimeout after `maxMs`: the work is left, the parser stays usable
 */
export async function parse(source: string, language: LanguageId, maxMs = 10_000): Promise<SyntaxTree> {
  const grammar = await prepare(language);
  if (!parser) throw new Error('the parser is not loaded');
  parser.setLanguage(grammar);
  const until = performance.now() + maxMs;
  const tree = parser.parse(source, null, { progressCallback: () => performance.now() > until });
  if (!tree) {
    parser.reset();
    throw new ParseTimeout(`not parsed within ${maxMs} ms`);
  }
  try {
    return flatten(binding, tree, source);
  } finally {
    tree.delete();
  }
}
