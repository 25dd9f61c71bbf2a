import { z } from 'zod';
import { Empty, PageQuery, pageOf } from '../page';
import { broadcast, contract } from './contract';

/** Definitions and histories may be a mebibyte and more. */
const MAX_BYTES = 64 * 1024 * 1024;

const Json = z.unknown();
const WorkflowName = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'lower-case letters, digits and inner hyphens');
const VersionName = z.string().min(1).max(64);

/** YAML or JSON as text, or the definition itself. */
export const WorkflowSource = z.union([z.string(), z.record(z.string(), z.unknown())]).meta({
  id: 'WorkflowSource',
  description: 'A workflow of the CNCF Serverless Workflow DSL 1.0: YAML or JSON as text, or an object',
});

export const WorkflowDiagnostic = z
  .object({
    code: z.string(),
    severity: z.enum(['error', 'warning', 'info']),
    message: z.string(),
    /** JSON Pointer into the definition. */
    pointer: z.string(),
    hint: z.string(),
    related: z.array(z.object({ pointer: z.string(), message: z.string() })),
    line: z.int().optional(),
    column: z.int().optional(),
  })
  .meta({ id: 'WorkflowDiagnostic' });
export type WorkflowDiagnostic = z.infer<typeof WorkflowDiagnostic>;

export const WorkflowReport = z
  .object({ valid: z.boolean(), diagnostics: z.array(WorkflowDiagnostic) })
  .meta({ id: 'WorkflowReport' });
export type WorkflowReport = z.infer<typeof WorkflowReport>;

export const Workflow = z
  .object({
    namespace: z.string(),
    name: z.string(),
    version: z.string(),
    status: z.enum(['draft', 'published']),
    title: z.string().optional(),
    summary: z.string().optional(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
    publishedAt: z.iso.datetime().nullable(),
    definition: z.record(z.string(), z.unknown()).optional(),
  })
  .meta({ id: 'Workflow' });
export type Workflow = z.infer<typeof Workflow>;

/** `version` is `latest`, the one that was published last, when it is absent. */
const WorkflowRef = z.object({ namespace: WorkflowName, name: WorkflowName, version: VersionName.default('latest') });

/** Never fails: what is wrong is in the diagnostics, in the order of the definition. */
export const validateWorkflow = contract('router.validateWorkflow', {
  input: z.object({ definition: z.unknown() }),
  output: WorkflowReport,
  maxBytes: MAX_BYTES,
});
/** Stores a draft; warnings and errors of the validation do not hinder that, as long as it can be read. */
export const saveWorkflow = contract('router.saveWorkflow', {
  input: z.object({ definition: WorkflowSource }),
  output: Workflow.extend({ diagnostics: z.array(WorkflowDiagnostic) }),
  maxBytes: MAX_BYTES,
});
export const listWorkflows = contract('router.listWorkflows', {
  input: PageQuery.extend({ namespace: WorkflowName.optional(), name: WorkflowName.optional() }),
  output: pageOf(Workflow),
  maxBytes: MAX_BYTES,
});
export const getWorkflow = contract('router.getWorkflow', {
  input: WorkflowRef,
  output: Workflow,
  maxBytes: MAX_BYTES,
});
export const exportWorkflow = contract('router.exportWorkflow', {
  input: WorkflowRef.extend({ format: z.enum(['yaml', 'json', 'mermaid']).default('yaml') }),
  output: z.object({ text: z.string() }),
  maxBytes: MAX_BYTES,
});
/** From then on the version never changes and can be run. Refused while the validation finds errors. */
export const publishWorkflow = contract('router.publishWorkflow', {
  input: WorkflowRef.extend({ version: VersionName }),
  output: Workflow,
  maxBytes: MAX_BYTES,
});
/** Removes drafts. What was published stays, because runs may be pinned to it. */
export const removeWorkflowDraft = contract('router.removeWorkflowDraft', {
  input: WorkflowRef.extend({ version: VersionName }),
  output: Empty,
});

export const WorkflowTemplate = z
  .object({ name: z.string(), title: z.string(), summary: z.string(), yaml: z.string() })
  .meta({ id: 'WorkflowTemplate', description: 'A definition to begin with' });
export type WorkflowTemplate = z.infer<typeof WorkflowTemplate>;

/** The patterns of agents that work: chain, route, parallel-vote and so on. */
export const listWorkflowTemplates = contract('router.listWorkflowTemplates', {
  input: z.object({ name: z.string().max(64).optional() }),
  output: z.object({ items: z.array(WorkflowTemplate) }),
});

export const RunState = z.enum([
  'pending',
  'running',
  'waiting',
  'suspended',
  'needs_attention',
  'cancelling',
  'completed',
  'faulted',
  'cancelled',
]);

/** RFC 7807, as the standard defines it. */
export const WorkflowError = z
  .looseObject({
    type: z.string(),
    status: z.number(),
    title: z.string().optional(),
    detail: z.string().optional(),
    instance: z.string().optional(),
  })
  .meta({ id: 'WorkflowError' });

export const Run = z
  .object({
    id: z.string(),
    namespace: z.string(),
    name: z.string(),
    version: z.string(),
    state: RunState,
    startedBy: z.string(),
    input: Json,
    output: Json,
    error: WorkflowError.nullable(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
    endedAt: z.iso.datetime().nullable(),
    /** When it goes on by itself. */
    nextWakeAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'WorkflowRun' });
export type Run = z.infer<typeof Run>;

/** One task of a run, as often as it ran. */
export const RunTask = z
  .object({
    path: z.string(),
    pointer: z.string(),
    kind: z.string(),
    state: z.enum(['running', 'waiting', 'needs_attention', 'completed', 'faulted']),
    attempt: z.int(),
    startedAt: z.iso.datetime(),
    endedAt: z.iso.datetime().nullable(),
    input: Json,
    output: Json,
    error: WorkflowError.nullable(),
  })
  .meta({ id: 'WorkflowRunTask' });
export type RunTask = z.infer<typeof RunTask>;

export const RunDetail = Run.extend({
  tasks: z.array(RunTask),
  /** Effects of which nobody knows whether they happened: each is to be decided. */
  uncertain: z.array(
    z.object({ path: z.string(), pointer: z.string(), kind: z.string(), input: Json, hint: z.string() }),
  ),
}).meta({ id: 'WorkflowRunDetail' });
export type RunDetail = z.infer<typeof RunDetail>;

const RunRef = z.object({ run: z.uuid() });
const MAX_WAIT_MS = 60_000;

export const startRun = contract('router.startRun', {
  input: WorkflowRef.extend({
    input: Json.optional(),
    /** The same key gives the same run; with another input it is a conflict. */
    idempotencyKey: z.string().min(1).max(255).optional(),
    /** Waits that long for the end. */
    waitMs: z.int().min(0).max(MAX_WAIT_MS).default(0),
  }),
  output: Run.extend({ isNew: z.boolean() }),
  timeoutMs: MAX_WAIT_MS + 10_000,
  maxBytes: MAX_BYTES,
});
export const listRuns = contract('router.listRuns', {
  input: PageQuery.extend({
    state: RunState.optional(),
    namespace: WorkflowName.optional(),
    name: WorkflowName.optional(),
  }),
  output: pageOf(Run),
  maxBytes: MAX_BYTES,
});
export const getRun = contract('router.getRun', { input: RunRef, output: RunDetail, maxBytes: MAX_BYTES });

export const RunEvent = z
  .object({ seq: z.int(), at: z.iso.datetime(), type: z.string(), path: z.string().optional(), data: Json })
  .meta({ id: 'WorkflowRunEvent' });
export type RunEvent = z.infer<typeof RunEvent>;

/** Events after `after`; waits up to `waitMs` for the first one. `isEnded` when none will come any more. */
export const readRunEvents = contract('router.readRunEvents', {
  input: RunRef.extend({
    after: z.coerce.number().int().min(0).default(0),
    limit: z.coerce.number().int().min(1).max(1_000).default(100),
    waitMs: z.int().min(0).max(MAX_WAIT_MS).default(0),
  }),
  output: z.object({ items: z.array(RunEvent), isEnded: z.boolean() }),
  timeoutMs: MAX_WAIT_MS + 10_000,
  maxBytes: MAX_BYTES,
});
export const controlRun = contract('router.controlRun', {
  input: RunRef.extend({ action: z.enum(['cancel', 'suspend', 'resume', 'retry']) }),
  output: Run,
  maxBytes: MAX_BYTES,
});

/** Another run that goes its own way from a task on. */
export const RunFork = z
  .object({
    /** Path of a task of the run, or its pointer in the definition; without one all is done again. */
    task: z.string().max(4_096).optional(),
    /** What the task gets in place of its input; without it the same again. */
    input: Json.optional(),
  })
  .meta({ id: 'WorkflowRunFork' });
export const forkRun = contract('router.forkRun', {
  input: RunRef.extend({ ...RunFork.shape, idempotencyKey: z.string().min(1).max(255).optional() }),
  output: Run.extend({ isNew: z.boolean() }),
  maxBytes: MAX_BYTES,
});

/** What is to be done about an effect whose outcome is not known. */
export const EffectDecision = z
  .object({
    /** May be left out when only one is open. */
    path: z.string().max(4_096).optional(),
    /** Do it again; take it as done with `output`; or let it fail. */
    action: z.enum(['retry', 'complete', 'fail']),
    output: Json.optional(),
  })
  .meta({ id: 'WorkflowEffectDecision' });
export const decideRun = contract('router.decideRun', {
  input: RunRef.extend(EffectDecision.shape),
  output: Run,
  maxBytes: MAX_BYTES,
});

export const Approval = z
  .object({
    id: z.string(),
    run: z.string(),
    path: z.string(),
    message: Json,
    schema: Json,
    assignees: Json,
    due: z.iso.datetime().nullable(),
    status: z.enum(['pending', 'approved', 'rejected', 'closed']),
    answer: Json,
    decidedBy: z.string().nullable(),
    decidedAt: z.iso.datetime().nullable(),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'WorkflowApproval' });
export type Approval = z.infer<typeof Approval>;

export const ApprovalDecision = z
  .object({
    approve: z.boolean(),
    /** Matches the schema that the workflow asks for. */
    answer: Json.optional(),
    comment: z.string().max(10_000).optional(),
  })
  .meta({ id: 'WorkflowApprovalDecision' });

export const listApprovals = contract('router.listApprovals', {
  input: PageQuery.extend({ status: z.enum(['pending', 'approved', 'rejected', 'closed']).default('pending') }),
  output: pageOf(Approval),
  maxBytes: MAX_BYTES,
});
export const decideApproval = contract('router.decideApproval', {
  input: z.object({ approval: z.uuid(), ...ApprovalDecision.shape }),
  output: Approval,
});

/** https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md; extension attributes are kept. */
export const CloudEvent = z
  .looseObject({
    specversion: z.literal('1.0').default('1.0'),
    id: z.string().min(1).max(255),
    source: z.string().min(1).max(2_048),
    type: z.string().min(1).max(255),
    data: Json.optional(),
  })
  .meta({ id: 'CloudEvent' });

/** Tells runs that listen and workflows that start on events. An event that came before (source and id) does nothing. */
export const publishCloudEvents = contract('router.publishCloudEvents', {
  input: z.object({ events: z.array(CloudEvent).min(1).max(100) }),
  output: z.object({
    items: z.array(z.object({ source: z.string(), id: z.string(), isNew: z.boolean(), started: z.array(z.string()) })),
  }),
  timeoutMs: 60_000,
});

/** When a workflow starts by itself. */
export const WorkflowSchedule = z
  .object({
    namespace: z.string(),
    name: z.string(),
    kind: z.enum(['every', 'cron', 'after', 'on']),
    enabled: z.boolean(),
    /** Null while events or the end of a run decide. */
    nextAt: z.iso.datetime().nullable(),
    lastRun: z.string().nullable(),
    /** The agent that published it. */
    runsAs: z.string(),
  })
  .meta({ id: 'WorkflowSchedule' });
export type WorkflowSchedule = z.infer<typeof WorkflowSchedule>;

const ScheduleRef = z.object({ namespace: WorkflowName, name: WorkflowName });
export const getSchedule = contract('router.getSchedule', { input: ScheduleRef, output: WorkflowSchedule });
export const setSchedule = contract('router.setSchedule', {
  input: ScheduleRef.extend({ enabled: z.boolean() }),
  output: WorkflowSchedule,
});

/** A run was told something; the router that has it in memory looks. */
export const workflowSignalled = broadcast('router.workflowSignalled', z.object({ run: z.string() }));

/** There is another version to run: lists of tools that contain workflows are stale. */
export const workflowPublished = broadcast(
  'router.workflowPublished',
  z.object({ namespace: z.string(), name: z.string() }),
);
