import { z } from 'zod';
import { Empty, PageQuery, pageOf } from '../page';
import { broadcast, contract } from './contract';
import { Slug } from './router.contracts';

/** `error` needs action, `warning` a look, `note` is for tidiness; the words of SARIF. */
export const FindingLevel = z.enum(['error', 'warning', 'note']);
export type FindingLevel = z.infer<typeof FindingLevel>;
export const FindingConfidence = z.enum(['high', 'medium', 'low']);
/** `fixed` is what a later scan did not see any more; `accepted` and `false-positive` are what a person decided. */
export const FindingState = z.enum(['open', 'fixed', 'accepted', 'false-positive']);
export type FindingState = z.infer<typeof FindingState>;

/** Something a rule saw: in a tool's definition, across the catalogue, or in code. */
export const Finding = z
  .object({
    id: z.string(),
    ruleId: z.string(),
    level: FindingLevel,
    confidence: FindingConfidence,
    message: z.string(),
    subject: z.enum(['tool', 'catalogue', 'code']),
    /** Of a tool: its server, its name there, and a JSON Pointer into its definition. */
    server: z.string().nullable(),
    tool: z.string().nullable(),
    pointer: z.string().nullable(),
    /** Of code: the project, the path in it, and lines and columns from 1. */
    project: z.string().nullable(),
    path: z.string().nullable(),
    line: z.int().nullable(),
    column: z.int().nullable(),
    endLine: z.int().nullable(),
    /** The text that gave it away. */
    evidence: z.string().nullable(),
    /** The same for the same finding of every later scan, also when lines moved. */
    fingerprint: z.string(),
    cwe: z.array(z.int()),
    owasp: z.array(z.string()),
    state: FindingState,
    note: z.string().nullable(),
    /** Entity tag of what was decided about it, for `If-Match`. */
    version: z.string(),
    firstSeenAt: z.iso.datetime(),
    lastSeenAt: z.iso.datetime(),
  })
  .meta({ id: 'Finding' });
export type Finding = z.infer<typeof Finding>;

export const FindingsQuery = PageQuery.extend({
  rule: z.string().max(100).optional(),
  level: FindingLevel.optional(),
  state: FindingState.optional(),
  server: z.string().max(64).optional(),
  tool: z.string().max(256).optional(),
  project: z.string().max(100).optional(),
  analysis: z.string().max(64).optional(),
});
export type FindingsQuery = z.infer<typeof FindingsQuery>;

export const listFindings = contract('analyzer.listFindings', { input: FindingsQuery, output: pageOf(Finding) });
export const getFinding = contract('analyzer.getFinding', {
  input: z.object({ id: z.string().max(64) }),
  output: Finding,
});
export const FindingDecision = z
  .object({
    state: z.enum(['open', 'accepted', 'false-positive']),
    note: z.string().max(2_000).optional(),
  })
  .meta({ id: 'FindingDecision' });
export type FindingDecision = z.infer<typeof FindingDecision>;
export const decideFinding = contract('analyzer.decideFinding', {
  input: FindingDecision.extend({ id: z.string().max(64), ifMatch: z.string().max(128).optional() }),
  output: Finding,
});

export const AnalyzerRule = z
  .object({
    id: z.string(),
    family: z.string(),
    target: z.enum(['tool', 'code', 'project']),
    title: z.string(),
    level: FindingLevel,
    confidence: FindingConfidence,
    explanation: z.string(),
    languages: z.array(z.string()),
    cwe: z.array(z.int()),
    owasp: z.array(z.string()),
    /** What the rule finds and what it leaves alone. */
    examples: z.object({ bad: z.array(z.unknown()), good: z.array(z.unknown()) }),
  })
  .meta({ id: 'AnalyzerRule' });
export type AnalyzerRule = z.infer<typeof AnalyzerRule>;
export const listRules = contract('analyzer.listRules', {
  input: z.object({ family: z.string().max(32).optional() }),
  output: z.object({ items: z.array(AnalyzerRule) }),
});
export const getRule = contract('analyzer.getRule', {
  input: z.object({ id: z.string().max(100) }),
  output: AnalyzerRule,
});

/** A tool's definition as its server gives it; nothing in it is trusted. */
export const ToolDefinition = z
  .looseObject({
    name: z.string().min(1).max(512),
    server: z.string().max(64).default('pasted'),
    title: z.string().max(100_000).optional(),
    description: z.string().max(1_000_000).optional(),
    inputSchema: z.unknown().optional(),
    outputSchema: z.unknown().optional(),
    annotations: z.record(z.string(), z.unknown()).optional(),
  })
  .meta({ id: 'ToolDefinition' });
export type ToolDefinition = z.infer<typeof ToolDefinition>;

/** A finding of a scan that is not kept. */
export const SurfaceFinding = Finding.pick({
  ruleId: true,
  level: true,
  confidence: true,
  message: true,
  server: true,
  tool: true,
  pointer: true,
  evidence: true,
  fingerprint: true,
}).meta({ id: 'SurfaceFinding' });
export type SurfaceFinding = z.infer<typeof SurfaceFinding>;

const Verdict = z.enum(['clean', 'suspicious', 'dangerous']);
/** Strangers' text, private data and a way out in the same hands: the tools of each kind. */
export const ToxicFlow = z.object({
  servers: z.array(z.string()),
  tools: z.object({
    untrustedInput: z.array(z.string()),
    privateData: z.array(z.string()),
    wayOut: z.array(z.string()),
  }),
});
export const SurfaceReport = z
  .object({ verdict: Verdict, findings: z.array(SurfaceFinding), toxicFlow: ToxicFlow.nullable() })
  .meta({ id: 'SurfaceReport' });
export type SurfaceReport = z.infer<typeof SurfaceReport>;

/** Scans definitions that are given: pasted ones, or those of a server that is not routable yet. Nothing is stored. */
export const scanTools = contract('analyzer.scanTools', {
  input: z.object({ tools: z.array(ToolDefinition).min(1).max(5_000) }),
  output: SurfaceReport,
  timeoutMs: 30_000,
});
/** Scans the live tools of one server beside those of all others, and stores what it finds. */
export const scanServer = contract('analyzer.scanServer', {
  input: z.object({ server: Slug }),
  output: SurfaceReport,
  timeoutMs: 60_000,
});

/** Whether the live tools that the caller may use are, together, a way for private data to leave; null when not. */
export const readToxicFlow = contract('analyzer.readToxicFlow', {
  input: Empty,
  output: z.object({ toxicFlow: ToxicFlow.nullable(), message: z.string().nullable() }).meta({ id: 'ToxicFlowReport' }),
  timeoutMs: 60_000,
});

export const ChangeClass = z.enum(['cosmetic', 'widening', 'dangerous']);
export const DefinitionChange = z.object({
  pointer: z.string(),
  kind: z.enum(['added', 'removed', 'changed']),
  before: z.unknown().optional(),
  after: z.unknown().optional(),
  class: ChangeClass,
  why: z.string(),
});
export const DefinitionDiff = z
  .object({ class: ChangeClass, changes: z.array(DefinitionChange), text: z.string() })
  .meta({ id: 'DefinitionDiff' });
export type DefinitionDiff = z.infer<typeof DefinitionDiff>;

/** The definition of a tool that was approved, and what became of it. */
export const ToolPin = z
  .object({
    server: z.string(),
    tool: z.string(),
    /** `changed`: differs in a way that only widens; `held`: changed dangerously; `rejected`: a person said no. */
    state: z.enum(['approved', 'changed', 'held', 'rejected']),
    /** Empty while no definition of it was ever approved. */
    approvedHash: z.string(),
    currentHash: z.string(),
    approvedBy: z.string(),
    approvedAt: z.iso.datetime(),
    changedAt: z.iso.datetime().nullable(),
    lastSeenAt: z.iso.datetime(),
    diff: DefinitionDiff.nullable(),
  })
  .meta({ id: 'ToolPin' });
export type ToolPin = z.infer<typeof ToolPin>;

const PinRef = z.object({ server: z.string().min(1).max(64), tool: z.string().min(1).max(512) });
export const listToolPins = contract('analyzer.listToolPins', {
  input: PageQuery.extend({ server: z.string().max(64).optional(), state: ToolPin.shape.state.optional() }),
  output: pageOf(ToolPin),
});
export const getToolPin = contract('analyzer.getToolPin', { input: PinRef, output: ToolPin });
/** `approve` makes the present definition the approved one; `reject` holds the tool until it changes or is approved. */
export const decideToolPin = contract('analyzer.decideToolPin', {
  input: PinRef.extend({ decision: z.enum(['approve', 'reject']), currentHash: z.string().max(128).optional() }),
  output: ToolPin,
});
/** What changed between two definitions of one tool. */
export const diffTool = contract('analyzer.diffTool', {
  input: z.object({ before: ToolDefinition, after: ToolDefinition }),
  output: DefinitionDiff,
  timeoutMs: 30_000,
});

export const HeldTool = z.object({ server: z.string(), tool: z.string(), reason: z.string() });
export type HeldTool = z.infer<typeof HeldTool>;
/** Which definitions of a tool have been judged, by `definitionHash`; what is neither has not been seen yet. */
export const JudgedTool = z.object({
  server: z.string(),
  tool: z.string(),
  currentHash: z.string(),
  /** Empty while no definition of it was ever approved. */
  approvedHash: z.string(),
});
export type JudgedTool = z.infer<typeof JudgedTool>;
/**
 * Tools that wait for approval, and all that were judged. Who holds tools back asks at its start and after each
 * `heldToolsChanged`; it goes on showing them to the system principal, so that a tool that changes back is seen.
 */
export const listHeldTools = contract('analyzer.listHeldTools', {
  input: Empty,
  output: z.object({ items: z.array(HeldTool), judged: z.array(JudgedTool).default([]) }),
  maxBytes: 64 * 1024 * 1024,
});
/** A definition was judged, or a person decided about one. */
export const heldToolsChanged = broadcast('analyzer.heldToolsChanged', z.object({ revision: z.int() }));

/** Name of what is analysed again and again; findings keep their state from one analysis of it to the next. */
export const ProjectName = z.string().regex(/^[\w.@/-]{1,100}$/, 'letters, digits and . _ @ / -, at most 100');
export const AnalysisLayer = z.object({
  name: z.string().min(1).max(64),
  files: z.string().min(1).max(256).meta({ description: 'Glob: * within a folder, ** across' }),
  mayUse: z.array(z.string().max(64)).max(50).default([]),
});
/** An analysis passes when none of the numbers is exceeded; `new…` counts what the baseline does not have. */
export const QualityGate = z
  .object({
    errors: z.int().min(0).optional(),
    warnings: z.int().min(0).optional(),
    newErrors: z.int().min(0).optional(),
    newWarnings: z.int().min(0).optional(),
    duplicatedPercent: z.number().min(0).max(100).optional(),
    cycles: z.int().min(0).optional(),
    cognitive: z.int().min(0).optional().meta({ description: 'Highest cognitive complexity of a function' }),
  })
  .strict()
  .meta({ id: 'QualityGate' });
export type QualityGate = z.infer<typeof QualityGate>;

export const AnalysisOptions = z.object({
  project: ProjectName.default('default'),
  /** Globs of paths that are left out. */
  exclude: z.array(z.string().max(256)).max(100).default([]),
  layers: z.array(AnalysisLayer).max(50).default([]),
  minCloneTokens: z.int().min(20).max(10_000).default(50),
  gate: QualityGate.default({ errors: 0 }),
  /** An earlier analysis: what it has found is not new. */
  baseline: z.string().max(64).optional(),
  /** Name of a stored ruleset whose custom rules run too. */
  ruleset: z.string().max(64).optional(),
});
export type AnalysisOptions = z.infer<typeof AnalysisOptions>;

export const SourceFile = z.object({ path: z.string().min(1).max(1024), content: z.string().max(2_000_000) });
export type SourceFile = z.infer<typeof SourceFile>;

/** What to analyse: files given here, an upload, or a folder below one of the allowed roots. */
export const NewAnalysis = AnalysisOptions.extend({
  files: z.array(SourceFile).min(1).max(20_000).optional(),
  upload: z.string().max(64).optional(),
  path: z.string().min(1).max(4096).optional(),
})
  .strict()
  .refine(({ files, upload, path }) => [files, upload, path].filter((source) => source !== undefined).length === 1, {
    message: 'give one of "files", "upload" and "path"',
    path: ['files'],
  })
  .meta({ id: 'NewAnalysis' });
export type NewAnalysis = z.infer<typeof NewAnalysis>;

export const AnalysisSummary = z.object({
  files: z.int(),
  fromCache: z.int(),
  failed: z.int(),
  lines: z.int(),
  functions: z.int(),
  errors: z.int(),
  warnings: z.int(),
  notes: z.int(),
  newErrors: z.int(),
  newWarnings: z.int(),
  cycles: z.int(),
  duplicatedLines: z.int(),
  duplicatedPercent: z.number(),
  maxCyclomatic: z.int(),
  maxCognitive: z.int(),
});
export type AnalysisSummary = z.infer<typeof AnalysisSummary>;

export const Analysis = z
  .object({
    id: z.string(),
    project: z.string(),
    state: z.enum(['queued', 'running', 'done', 'failed', 'cancelled']),
    source: z.enum(['files', 'upload', 'path']),
    progress: z.object({ done: z.int(), total: z.int() }),
    summary: AnalysisSummary.nullable(),
    gate: z.object({ passed: z.boolean(), reasons: z.array(z.string()) }).nullable(),
    /** Files that could not be read, and why; files that were left out. */
    skipped: z.array(z.object({ path: z.string(), reason: z.string() })),
    error: z.string().nullable(),
    createdAt: z.iso.datetime(),
    startedAt: z.iso.datetime().nullable(),
    finishedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Analysis' });
export type Analysis = z.infer<typeof Analysis>;

const AnalysisRef = z.object({ id: z.string().max(64) });

/** One piece of an upload; pieces may arrive in any order and more than once. At most 512 KiB each. */
export const putUploadPart = contract('analyzer.putUploadPart', {
  input: z.object({ upload: z.uuid(), index: z.int().min(0).max(1_000), data: z.string().max(700_000) }),
  output: Empty,
});
/** Unpacks an upload whose `parts` pieces have arrived, and says what was in it. */
export const finishUpload = contract('analyzer.finishUpload', {
  input: z.object({ upload: z.uuid(), parts: z.int().min(1).max(1_001), kind: z.enum(['json', 'zip', 'tar']) }),
  output: z.object({
    id: z.string(),
    files: z.int(),
    bytes: z.int(),
    skipped: z.array(z.object({ path: z.string(), reason: z.string() })),
  }),
  timeoutMs: 120_000,
});
export const startAnalysis = contract('analyzer.startAnalysis', {
  input: AnalysisOptions.extend({
    source: z.enum(['files', 'upload', 'path']),
    upload: z.string().max(64).optional(),
    path: z.string().max(4096).optional(),
    /** A second start by the same caller with the same key gives the first analysis; with another request it is refused. */
    idempotencyKey: z.string().min(1).max(200).optional(),
    requestHash: z.string().max(64).optional(),
  }),
  output: Analysis,
});
export const getAnalysis = contract('analyzer.getAnalysis', { input: AnalysisRef, output: Analysis });
export const listAnalyses = contract('analyzer.listAnalyses', {
  input: PageQuery.extend({ project: z.string().max(100).optional() }),
  output: pageOf(Analysis),
});
export const cancelAnalysis = contract('analyzer.cancelAnalysis', { input: AnalysisRef, output: Analysis });
/** The analysis each time it changes, until it has ended. */
export const watchAnalysis = contract('analyzer.watchAnalysis', {
  input: AnalysisRef,
  output: Analysis,
  timeoutMs: 3_600_000,
});
/** A report as pieces of text that belong together. */
export const readReport = contract('analyzer.readReport', {
  input: AnalysisRef.extend({ format: z.enum(['json', 'sarif', 'markdown', 'metrics']) }),
  output: z.object({ text: z.string() }),
  timeoutMs: 60_000,
});
export const analysisCancelled = broadcast('analyzer.analysisCancelled', z.object({ id: z.string() }));

/** A few small files analysed at once, without storing anything: for agents that look at what they write. */
export const analyseCode = contract('analyzer.analyseCode', {
  input: z.object({
    files: z
      .array(SourceFile.extend({ content: z.string().max(500_000) }))
      .min(1)
      .max(50),
  }),
  output: z.looseObject({
    findings: z.array(z.looseObject({ ruleId: z.string(), path: z.string(), line: z.int(), message: z.string() })),
    metrics: z.array(z.looseObject({ path: z.string() })),
    skipped: z.array(z.object({ path: z.string(), reason: z.string() })),
  }),
  timeoutMs: 60_000,
});

/** Custom structural rules under a name, as a YAML document of ast-grep rules (several documents separated by `---`). */
export const Ruleset = z
  .object({
    name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/),
    yaml: z.string().min(1).max(200_000),
    rules: z.array(z.object({ id: z.string(), language: z.string(), level: FindingLevel, message: z.string() })),
    /** Entity tag, for `If-Match`. */
    version: z.string(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Ruleset' });
export type Ruleset = z.infer<typeof Ruleset>;
export const putRuleset = contract('analyzer.putRuleset', {
  input: Ruleset.pick({ name: true, yaml: true }).extend({ ifMatch: z.string().max(128).optional() }),
  output: Ruleset,
  timeoutMs: 30_000,
});
export const listRulesets = contract('analyzer.listRulesets', {
  input: Empty,
  output: z.object({ items: z.array(Ruleset) }),
});
const RulesetRef = z.object({ name: z.string().max(64) });
export const getRuleset = contract('analyzer.getRuleset', { input: RulesetRef, output: Ruleset });
export const removeRuleset = contract('analyzer.removeRuleset', {
  input: RulesetRef.extend({ ifMatch: z.string().max(128).optional() }),
  output: Empty,
});
