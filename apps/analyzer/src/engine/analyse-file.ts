import { createHash } from 'node:crypto';
import { CODE_RULES } from '../rules';
import type { CodeHit } from '../rules/rule';
import { bounded } from './bounded';
import { readCode, type CodeFile } from './code-file';
import { runCustomRules, type CustomRule } from './custom-rules';
import { tokensOf, type TokenStream } from './duplication';
import type { LanguageId } from './languages';
import type { FileMetrics } from './measure';
import { moduleFacts, type ModuleFacts } from './module-facts';

/** A finding in code, without its identity in the database. */
export interface CodeFinding {
  ruleId: string;
  path: string;
  line: number;
  column: number;
  endLine: number;
  message: string;
  confidence: 'high' | 'medium' | 'low';
  level: 'error' | 'warning' | 'note';
  evidence: string;
  fingerprint: string;
}

export interface FileResult {
  path: string;
  language: LanguageId;
  /** Parts of the file could not be parsed; what is reported may be incomplete. */
  hasError: boolean;
  metrics: FileMetrics;
  findings: CodeFinding[];
  modules: ModuleFacts;
  tokens: TokenStream;
  /** What was left out of a file that is larger than files are. */
  notes?: string[];
}

const MAX_PER_RULE = 200;

/** Everything that can be said of one file alone. */
export async function analyseFile(
  path: string,
  language: LanguageId,
  source: string,
  customRules: readonly CustomRule[] = [],
): Promise<FileResult> {
  const file = await readCode(path, language, source);
  return bounded({
    path,
    language,
    hasError: file.tree.hasError,
    metrics: file.metrics,
    findings: [...builtinFindings(file), ...runCustomRules(file, customRules)],
    modules: moduleFacts(file.tree, language),
    tokens: tokensOf(file.tree),
  });
}

function* builtinFindings(file: CodeFile): Generator<CodeFinding> {
  for (const rule of CODE_RULES) {
    if (!rule.languages.includes(file.language)) continue;
    const seen = new Map<string, number>();
    let count = 0;
    for (const hit of rule.check(file)) {
      if (++count > MAX_PER_RULE) break;
      yield { ...located(file, hit, rule.id, seen), level: rule.level, confidence: hit.confidence ?? rule.confidence };
    }
  }
}

function located(
  file: CodeFile,
  { node, message, symbol }: CodeHit,
  ruleId: string,
  seen: Map<string, number>,
): Omit<CodeFinding, 'level' | 'confidence'> {
  const { tree, path, units } = file;
  const unit = units.list[units.scope[node] ?? -1];
  const text = tree.source.slice(tree.start(node), Math.min(tree.end(node), tree.start(node) + 400));
  return {
    ruleId,
    path,
    line: tree.lineAt(tree.start(node)),
    column: tree.columnAt(tree.start(node)),
    endLine: tree.lineAt(Math.max(tree.start(node), tree.end(node) - 1)),
    message,
    evidence: (text.split('\n', 1)[0] ?? '').trim().slice(0, 200),
    fingerprint: fingerprintOf(ruleId, path, symbol ?? unit?.name ?? '', text, seen),
  };
}

/**
 * The same for the same code wherever it stands in the file: rule, path, enclosing symbol and the code with white space
 * made uniform; the second such place in a file gets a number.
 */
export function fingerprintOf(
  ruleId: string,
  path: string,
  symbol: string,
  text: string,
  seen: Map<string, number>,
): string {
  const key = JSON.stringify([ruleId, path, symbol, text.replace(/\s+/g, ' ').trim()]);
  const nth = seen.get(key) ?? 0;
  seen.set(key, nth + 1);
  return createHash('sha256').update(`${key} ${nth}`).digest('hex').slice(0, 32);
}
