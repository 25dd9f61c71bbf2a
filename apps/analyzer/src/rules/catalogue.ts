import { AppError, type AnalyzerRule } from '@mcp-router/shared';
import { RULES } from '.';
import type { Rule } from './rule';

const BY_ID = new Map<string, Rule>(RULES.map((rule) => [rule.id, rule]));

/** Level, confidence and references of a rule; of one that is gone or custom, mild ones. */
export function ruleFacts(
  id: string,
): Pick<Rule, 'title' | 'level' | 'confidence'> & { cwe: readonly number[]; owasp: readonly string[] } {
  const rule = BY_ID.get(id);
  return {
    title: rule?.title ?? id,
    level: rule?.level ?? 'warning',
    confidence: rule?.confidence ?? 'medium',
    cwe: rule?.cwe ?? [],
    owasp: rule?.owasp ?? [],
  };
}

/** Every built-in rule as callers see it. */
export function describeRules(family?: string): AnalyzerRule[] {
  return RULES.filter((rule) => family === undefined || rule.family === family).map(describe);
}

/** @throws AppError `not_found` */
export function describeRule(id: string): AnalyzerRule {
  const rule = BY_ID.get(id);
  if (!rule) throw new AppError('not_found', `There is no rule "${id}"`, { hint: 'GET /api/v1/rules lists them' });
  return describe(rule);
}

function describe(rule: Rule): AnalyzerRule {
  return {
    id: rule.id,
    family: rule.family,
    target: rule.target === 'catalogue' ? 'tool' : rule.target === 'text' ? 'code' : rule.target,
    title: rule.title,
    level: rule.level,
    confidence: rule.confidence,
    explanation: rule.explanation,
    languages: rule.target === 'code' ? [...rule.languages] : [],
    cwe: [...(rule.cwe ?? [])],
    owasp: [...(rule.owasp ?? [])],
    examples: { bad: [...rule.examples.bad], good: [...rule.examples.good] },
  };
}
