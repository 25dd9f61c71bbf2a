import type { AnalysisSummary, QualityGate } from '@mcp-router/shared';
import type { CodeFinding, FileResult } from '../engine/analyse-file';
import type { ProjectResult } from '../engine/analyse-project';

export type ReportFile = Pick<FileResult, 'path' | 'language' | 'hasError' | 'metrics'> & {
  fanIn: number;
  fanOut: number;
};

/** Everything an analysis found; rendered as JSON, SARIF or Markdown on demand. */
export interface Report {
  project: string;
  files: ReportFile[];
  findings: (CodeFinding & { isNew: boolean })[];
  cycles: string[][];
  clones: ProjectResult['clones'];
  skipped: { path: string; reason: string }[];
}

export function summaryOf(report: Report, counts: { fromCache: number; failed: number }): AnalysisSummary {
  const { files, findings } = report;
  const functions = files.flatMap(({ metrics }) => metrics.functions);
  const lines = files.reduce((sum, { metrics }) => sum + metrics.lines.total, 0);
  const duplicatedLines = duplicatedLinesOf(report.clones);
  const count = (level: string, onlyNew = false) =>
    findings.filter((finding) => finding.level === level && (!onlyNew || finding.isNew)).length;
  return {
    files: files.length,
    ...counts,
    lines,
    functions: functions.length,
    errors: count('error'),
    warnings: count('warning'),
    notes: count('note'),
    newErrors: count('error', true),
    newWarnings: count('warning', true),
    cycles: report.cycles.length,
    duplicatedLines,
    duplicatedPercent: lines === 0 ? 0 : Math.round((duplicatedLines / lines) * 10_000) / 100,
    maxCyclomatic: functions.reduce((most, { cyclomatic }) => Math.max(most, cyclomatic), 0),
    maxCognitive: functions.reduce((most, { cognitive }) => Math.max(most, cognitive), 0),
  };
}

/** Lines that stand in any clone, each counted once. */
function duplicatedLinesOf(clones: Report['clones']): number {
  const lines = new Map<string, Set<number>>();
  for (const { a, b } of clones)
    for (const { path, line, endLine } of [a, b]) {
      const ofFile = lines.get(path) ?? new Set<number>();
      lines.set(path, ofFile);
      for (let at = line; at <= endLine; at++) ofFile.add(at);
    }
  return [...lines.values()].reduce((sum, { size }) => sum + size, 0);
}

/** Whether the summary stays within the gate, and if not, why. */
export function judge(gate: QualityGate, summary: AnalysisSummary): { passed: boolean; reasons: string[] } {
  const limits: [name: string, value: number, limit: number | undefined][] = [
    ['errors', summary.errors, gate.errors],
    ['warnings', summary.warnings, gate.warnings],
    ['new errors', summary.newErrors, gate.newErrors],
    ['new warnings', summary.newWarnings, gate.newWarnings],
    ['% duplicated lines', summary.duplicatedPercent, gate.duplicatedPercent],
    ['import cycles', summary.cycles, gate.cycles],
    ['highest cognitive complexity', summary.maxCognitive, gate.cognitive],
  ];
  const reasons = limits.flatMap(([name, value, limit]) =>
    limit !== undefined && value > limit ? [`${value} ${name}, allowed are ${limit}`] : [],
  );
  return { passed: reasons.length === 0, reasons };
}
