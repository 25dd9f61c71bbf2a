import { createHash } from 'node:crypto';
import { PROJECT_RULES } from '../rules';
import type { CodeFinding } from './analyse-file';
import { type ProjectFile, type ProjectOptions, readProject } from './project';

export interface ProjectResult {
  findings: CodeFinding[];
  /** By path: distinct files that import it, and that it imports. */
  fanIn: Record<string, number>;
  fanOut: Record<string, number>;
  cycles: string[][];
  clones: { a: Place; b: Place; tokens: number; type: 1 | 2 }[];
}

const MAX_FINDINGS = 25_000;
const MAX_CLONES = 5_000;

interface Place {
  path: string;
  line: number;
  endLine: number;
}

/** Everything that can only be said of all files together. */
export function analyseProject(
  files: readonly ProjectFile[],
  root: string,
  options: ProjectOptions = {},
): ProjectResult {
  const project = readProject(files, root, options);
  const pathOf = (file: number) => files[file]?.path ?? '';
  const fanIn: Record<string, number> = Object.create(null) as Record<string, number>;
  const fanOut: Record<string, number> = Object.create(null) as Record<string, number>;
  for (const pair of new Set(
    project.graph.edges.filter(({ from, to }) => from !== to).map(({ from, to }) => `${from} ${to}`),
  )) {
    const [from, to] = pair.split(' ').map(Number);
    fanOut[pathOf(from ?? -1)] = (fanOut[pathOf(from ?? -1)] ?? 0) + 1;
    fanIn[pathOf(to ?? -1)] = (fanIn[pathOf(to ?? -1)] ?? 0) + 1;
  }
  return {
    findings: PROJECT_RULES.flatMap((rule) =>
      [...rule.check(project)].map(({ path, line, endLine, message, key }): CodeFinding => ({
        ruleId: rule.id,
        path,
        line,
        column: 1,
        endLine: endLine ?? line,
        message,
        level: rule.level,
        confidence: rule.confidence,
        evidence: key.slice(0, 200),
        fingerprint: createHash('sha256')
          .update(JSON.stringify([rule.id, key]))
          .digest('hex')
          .slice(0, 32),
      })),
    ).slice(0, MAX_FINDINGS),
    fanIn,
    fanOut,
    cycles: project.cycles.map((members) => members.map(pathOf)),
    clones: project.clones.slice(0, MAX_CLONES).map(({ a, b, tokens, type }) => ({
      a: { path: pathOf(a.file), line: a.line, endLine: a.endLine },
      b: { path: pathOf(b.file), line: b.line, endLine: b.endLine },
      tokens,
      type,
    })),
  };
}
