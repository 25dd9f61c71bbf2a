import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { CodeFinding } from './analyse-file';
import type { CodeFile } from './code-file';
import type { LanguageId } from './languages';

/** A structural rule of the user, in the form of ast-grep. */
export interface CustomRule {
  id: string;
  language: LanguageId;
  message: string;
  level: 'error' | 'warning' | 'note';
  /** `pattern`, `kind`, `regex`, `inside`, `has`, `all`, `any`, `not` …: the rule object of ast-grep. */
  rule: Record<string, unknown>;
  constraints?: Record<string, unknown> | undefined;
}

interface Match {
  text(): string;
  range(): { start: { line: number; column: number }; end: { line: number } };
}
interface Engine {
  parse(language: string, source: string): { root(): { findAll(config: unknown): Match[] } };
  registerDynamicLanguage(languages: Record<string, unknown>): void;
}

/** The engine's own names of the languages that it brings; the others are registered under ours. */
const BUILT_IN: Partial<Record<LanguageId, string>> = {
  javascript: 'JavaScript',
  typescript: 'TypeScript',
  tsx: 'Tsx',
};
const REGISTERED = ['python', 'go', 'java', 'csharp', 'rust', 'php', 'ruby', 'cpp', 'bash'] as const;
const MAX_MATCHES = 200;

let engine: Engine | undefined;

/** The native engine is loaded when the first custom rule needs it. Its regular expressions run in linear time. */
function load(): Engine {
  if (engine) return engine;
  const require = createRequire(process.argv[1] ?? join(process.cwd(), 'x.js'));
  engine = require('@ast-grep/napi') as Engine;
  const grammars = REGISTERED.flatMap((language): [string, unknown][] => {
    try {
      const grammar = require(`@ast-grep/lang-${language}`) as { default?: unknown; libraryPath?: string };
      return grammar.libraryPath === undefined ? [] : [[language, grammar.default ?? grammar]];
    } catch {
      // No prebuilt grammar for this platform: rules for its language are refused when they are saved.
      return [];
    }
  });
  engine.registerDynamicLanguage(Object.fromEntries(grammars));
  return engine;
}

/** What is wrong with a rule, '' when it can be run. */
export function checkCustomRule(rule: CustomRule): string {
  try {
    load().parse(nameOf(rule.language), 'a').root().findAll(configOf(rule));
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

export function runCustomRules({ path, language, tree }: CodeFile, rules: readonly CustomRule[]): CodeFinding[] {
  const fitting = rules.filter((rule) => rule.language === language);
  if (fitting.length === 0) return [];
  const root = load().parse(nameOf(language), tree.source).root();
  return fitting.flatMap((rule) => {
    const seen = new Map<string, number>();
    return root
      .findAll(configOf(rule))
      .slice(0, MAX_MATCHES)
      .map((match): CodeFinding => {
        const { start, end } = match.range();
        const text = match.text().slice(0, 400);
        const key = JSON.stringify([rule.id, path, text.replace(/\s+/g, ' ')]);
        const nth = seen.get(key) ?? 0;
        seen.set(key, nth + 1);
        return {
          ruleId: rule.id,
          path,
          line: start.line + 1,
          column: start.column + 1,
          endLine: end.line + 1,
          message: rule.message,
          level: rule.level,
          confidence: 'high',
          evidence: (text.split('\n', 1)[0] ?? '').trim().slice(0, 200),
          fingerprint: createHash('sha256').update(`${key} ${nth}`).digest('hex').slice(0, 32),
        };
      });
  });
}

const nameOf = (language: LanguageId) => BUILT_IN[language] ?? language;
const configOf = ({ rule, constraints }: CustomRule) => ({ rule, ...(constraints ? { constraints } : {}) });
