import type { Analysis } from '@mcp-router/shared';
import type { Report } from './report';

const SHOWN = 50;

/** A report for people: the verdict, the figures, the findings that matter, the hardest functions. */
export function toMarkdown(report: Report, { summary, gate }: Pick<Analysis, 'summary' | 'gate'>): string {
  const lines = [`# Analysis of ${cell(report.project)}`, ''];
  if (gate)
    lines.push(
      gate.passed
        ? '**The quality gate is passed.**'
        : `**The quality gate is not passed:** ${gate.reasons.join('; ')}`,
      '',
    );
  if (summary)
    lines.push(
      '| files | lines | functions | errors | warnings | notes | cycles | duplicated |',
      '| --: | --: | --: | --: | --: | --: | --: | --: |',
      `| ${summary.files} | ${summary.lines} | ${summary.functions} | ${summary.errors} | ${summary.warnings} | ${summary.notes} | ${summary.cycles} | ${summary.duplicatedPercent} % |`,
      '',
    );
  const order = { error: 0, warning: 1, note: 2 };
  const findings = [...report.findings].sort((a, b) => order[a.level] - order[b.level] || (a.path < b.path ? -1 : 1));
  if (findings.length > 0) {
    lines.push('## Findings', '', '| level | rule | place | what |', '| --- | --- | --- | --- |');
    for (const { level, ruleId, path, line, message } of findings.slice(0, SHOWN))
      lines.push(`| ${level} | ${ruleId} | ${cell(path)}:${line} | ${cell(message)} |`);
    if (findings.length > SHOWN) lines.push('', `… and ${findings.length - SHOWN} more`);
    lines.push('');
  }
  const hardest = report.files
    .flatMap(({ path, metrics }) => metrics.functions.map((one) => ({ path, ...one })))
    .sort((a, b) => b.cognitive - a.cognitive)
    .slice(0, 10)
    .filter(({ cognitive }) => cognitive > 0);
  if (hardest.length > 0) {
    lines.push(
      '## Hardest functions',
      '',
      '| cognitive | cyclomatic | lines | function |',
      '| --: | --: | --: | --- |',
    );
    for (const one of hardest)
      lines.push(
        `| ${one.cognitive} | ${one.cyclomatic} | ${one.lines} | ${cell(one.name)} (${cell(one.path)}:${one.line}) |`,
      );
    lines.push('');
  }
  if (report.skipped.length > 0)
    lines.push(
      '## Not read',
      '',
      ...report.skipped.slice(0, SHOWN).map(({ path, reason }) => `- ${cell(path)}: ${cell(reason)}`),
      '',
    );
  return lines.join('\n');
}

/** Text of others inside a table cell: no line breaks, no markup. */
const cell = (text: string) =>
  text
    .replace(/\s+/g, ' ')
    .replace(/[|<>`*_[\]\\]/g, (mark) => `\\${mark}`)
    .slice(0, 300);
