import { TEXT_RULES } from '../rules';
import { type CodeFinding, fingerprintOf } from './analyse-file';

/** What was found in a file that is not code. */
export interface TextResult {
  path: string;
  language: null;
  findings: CodeFinding[];
}

const MAX_PER_RULE = 200;

/** Everything that can be said of a file of settings. */
export function analyseText(path: string, text: string): TextResult {
  const findings: CodeFinding[] = [];
  for (const rule of TEXT_RULES) {
    const seen = new Map<string, number>();
    let count = 0;
    for (const { line, column, message, evidence, confidence } of rule.check({ path, text })) {
      if (++count > MAX_PER_RULE) break;
      findings.push({
        ruleId: rule.id,
        path,
        line,
        column,
        endLine: line,
        message,
        level: rule.level,
        confidence: confidence ?? rule.confidence,
        evidence,
        fingerprint: fingerprintOf(rule.id, path, '', evidence, seen),
      });
    }
  }
  return { path, language: null, findings };
}
