import type { CodeFile } from '../engine/code-file';
import type { LanguageId } from '../engine/languages';
import type { Project } from '../engine/project';
import type { Catalogue, ScannedTool, SurfaceTool } from '../surface/catalogue';

/** `error` needs action, `warning` a look, `note` is for tidiness; the same words as SARIF. */
export type Level = 'error' | 'warning' | 'note';
export type Confidence = 'high' | 'medium' | 'low';

export type RuleFamily = 'surface' | 'security' | 'mcp-code' | 'metrics' | 'solid' | 'structure' | 'custom';

interface RuleFacts {
  /** `family/name`, kebab-case; stored with every finding, so it never changes. */
  readonly id: string;
  readonly family: RuleFamily;
  readonly title: string;
  readonly level: Level;
  readonly confidence: Confidence;
  /** What is wrong, why it matters and what to do: read by people and by models. */
  readonly explanation: string;
  readonly cwe?: readonly number[];
  /** Identifiers of the OWASP Top 10 (2021) and of the OWASP MCP Top 10. */
  readonly owasp?: readonly string[];
}

/** Something a rule saw in a tool's definition. */
export interface SurfaceHit {
  /** JSON Pointer into the definition. */
  pointer: string;
  message: string;
  /** The text that gave it away, at most a line. */
  evidence?: string;
}

/** Looks at the definition of one tool, and at the rest of the catalogue where it must compare. */
export interface SurfaceRule extends RuleFacts {
  readonly target: 'tool';
  check(tool: ScannedTool, catalogue: Catalogue): Iterable<SurfaceHit>;
  readonly examples: { readonly bad: readonly ToolExample[]; readonly good: readonly ToolExample[] };
}

/** One definition, or several when the rule compares; hits are expected in the first. */
export type ToolExample = Partial<SurfaceTool> | readonly Partial<SurfaceTool>[];

/** Looks at all tools that one caller has at once. */
export interface CatalogueRule extends RuleFacts {
  readonly target: 'catalogue';
  check(tools: readonly SurfaceTool[]): Iterable<{ message: string; evidence: string }>;
  readonly examples: {
    readonly bad: readonly (readonly Partial<SurfaceTool>[])[];
    readonly good: readonly (readonly Partial<SurfaceTool>[])[];
  };
}

/** Something a rule saw in a file. */
export interface CodeHit {
  /** Node of the tree, which gives the place and the snippet. */
  node: number;
  message: string;
  /** Name of the enclosing function or class; part of the fingerprint. Found from the node when absent. */
  symbol?: string;
  confidence?: Confidence;
}

export interface CodeExample {
  readonly language: LanguageId;
  readonly code: string;
}

export interface CodeRule extends RuleFacts {
  readonly target: 'code';
  readonly languages: readonly LanguageId[];
  check(file: CodeFile): Iterable<CodeHit>;
  readonly examples: { readonly bad: readonly CodeExample[]; readonly good: readonly CodeExample[] };
}

/** Something a rule saw in a file that is not code. */
export interface TextHit {
  /** From 1. */
  line: number;
  column: number;
  message: string;
  evidence: string;
  confidence?: Confidence;
}

/** Looks at a file of settings. */
export interface TextRule extends RuleFacts {
  readonly target: 'text';
  check(file: { path: string; text: string }): Iterable<TextHit>;
  readonly examples: { readonly bad: readonly ProjectExample[]; readonly good: readonly ProjectExample[] };
}

export interface ProjectHit {
  path: string;
  line: number;
  endLine?: number;
  message: string;
  /** What identifies the hit apart from its lines. */
  key: string;
}

/** Files of one example project by their path. */
export type ProjectExample = Readonly<Record<string, string>>;

/** Looks at all files at once. */
export interface ProjectRule extends RuleFacts {
  readonly target: 'project';
  check(project: Project): Iterable<ProjectHit>;
  readonly examples: { readonly bad: readonly ProjectExample[]; readonly good: readonly ProjectExample[] };
}

export type Rule = SurfaceRule | CatalogueRule | CodeRule | TextRule | ProjectRule;
