import type { Definition } from '@mcp-router/shared';
import type { SurfaceTool } from '../surface/catalogue';
import { type DefinitionDiff, diffDefinitions } from '../surface/definition-diff';
import { scanCatalogue, type SurfaceFinding } from '../surface/scan';
import { toxicFlow, type ToxicFlow } from '../surface/toxic-flow';
import { CATALOGUE_RULES } from '../rules';
import { analyseFile, type FileResult } from './analyse-file';
import { analyseProject, type ProjectResult } from './analyse-project';
import { analyseText, type TextResult } from './analyse-text';
import { checkCustomRule, type CustomRule } from './custom-rules';
import type { LanguageId } from './languages';
import type { ProjectFile, ProjectOptions } from './project';
import { unpackInto, type UnpackResult } from './unpack';

/** A finding as it travels out of the child: the rule by its id. */
export interface SurfaceResult extends Omit<SurfaceFinding, 'rule'> {
  ruleId: string;
}

export interface SurfaceScan {
  findings: SurfaceResult[];
  /** What no single tool is at fault for. */
  catalogue: { ruleId: string; message: string; evidence: string }[];
  toxicFlow: ToxicFlow | null;
}

export interface DiffResult extends Omit<DefinitionDiff, 'findings'> {
  findings: SurfaceResult[];
}

const result = ({ rule, ...finding }: SurfaceFinding): SurfaceResult => ({ ...finding, ruleId: rule.id });

/**
 * What the child process can be asked to do. Everything that reads hostile text runs here: it may take its time or its
 * memory, and is killed for it.
 */
export const TASKS = {
  surface: ({ tools }: { tools: SurfaceTool[] }): SurfaceScan => ({
    findings: scanCatalogue(tools).map(result),
    catalogue: CATALOGUE_RULES.flatMap((rule) => [...rule.check(tools)].map((hit) => ({ ruleId: rule.id, ...hit }))),
    toxicFlow: toxicFlow(tools),
  }),

  diff: (input: {
    before: Definition;
    after: Definition;
    server: string;
    name: string;
    others: SurfaceTool[];
  }): DiffResult => {
    const diff = diffDefinitions(input.before, input.after, input, input.others);
    return { ...diff, findings: diff.findings.map(result) };
  },

  file: (input: {
    path: string;
    language: LanguageId;
    source: string;
    customRules: CustomRule[];
  }): Promise<FileResult> => analyseFile(input.path, input.language, input.source, input.customRules),

  text: ({ path, text }: { path: string; text: string }): TextResult => analyseText(path, text),

  unpack: (input: { kind: 'json' | 'zip' | 'tar'; archive: string; folder: string }): Promise<UnpackResult> =>
    unpackInto(input.kind, input.archive, input.folder),

  project: (input: { files: ProjectFile[]; root: string; options: ProjectOptions }): ProjectResult =>
    analyseProject(input.files, input.root, input.options),

  checkRule: ({ rule }: { rule: CustomRule }): { fault: string } => ({ fault: checkCustomRule(rule) }),
} as const;

export type TaskName = keyof typeof TASKS;
export type TaskInput<T extends TaskName> = Parameters<(typeof TASKS)[T]>[0];
export type TaskOutput<T extends TaskName> = Awaited<ReturnType<(typeof TASKS)[T]>>;

export interface TaskRequest {
  id: number;
  task: TaskName;
  input: unknown;
}

/** The first message of a child: it is loaded. */
export interface ChildReady {
  isReady: true;
}

export type TaskReply = { id: number; output: unknown } | { id: number; error: string };
