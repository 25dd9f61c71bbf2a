/**
 * A workflow as the rest of the router sees it: the CNCF Serverless Workflow DSL 1.0 after parsing, with every default filled in.
 * https://github.com/serverlessworkflow/specification/blob/main/dsl-reference.md
 */
import type { Json, JsonObject } from './json';

/** How values are read: in `strict` mode only text wholly inside `${ … }` is an expression, in `loose` mode any text that is one. */
export type ExpressionMode = 'strict' | 'loose';

export interface Workflow {
  document: WorkflowDocument;
  input: DataFilter;
  use: Components;
  do: TaskList;
  timeout?: Timeout | string;
  output: DataFilter;
  schedule?: Schedule;
  mode: ExpressionMode;
  /** The definition as it was written, as JSON; what is stored, hashed and given as `$workflow.definition`. */
  source: JsonObject;
}

export interface WorkflowDocument {
  dsl: string;
  namespace: string;
  name: string;
  version: string;
  title?: string;
  summary?: string;
  tags: JsonObject;
  metadata: JsonObject;
}

/** `input`, `output` and `export`: an optional schema and an optional transformation (`from` or `as`), always an expression or a structure of them. */
export interface DataFilter {
  /** JSON Schema 2020-12; `schema.resource` is not supported, so it is always inline. */
  schema?: Json;
  transform?: string | JsonObject;
}

/** Reusable components of `use`, by name. */
export interface Components {
  authentications: Record<string, Authentication>;
  errors: Record<string, ErrorDefinition>;
  functions: Record<string, Task>;
  retries: Record<string, RetryPolicy>;
  secrets: string[];
  timeouts: Record<string, Timeout>;
}

/** A number of milliseconds, or an expression that yields an ISO 8601 duration. */
export type Duration = { ms: number } | { expression: string };

export interface Timeout {
  after: Duration;
}

export type Schedule =
  | { kind: 'every'; every: Duration }
  /** `timeZone` is an IANA name; `UTC` when the definition does not say. */
  | { kind: 'cron'; cron: string; timeZone: string }
  | { kind: 'after'; after: Duration }
  | { kind: 'on'; on: EventStrategy };

/** An ordered list of named tasks: a scope of its own, within which `then` may jump. */
export type TaskList = readonly NamedTask[];

export interface NamedTask {
  name: string;
  /** JSON Pointer of the task within the definition, the standard's task reference: `/do/0/getPet`. */
  pointer: string;
  task: Task;
}

export interface TaskBase {
  /** Condition on the raw input; a task that is skipped passes its raw input on. */
  if?: string;
  input: DataFilter;
  output: DataFilter;
  export: DataFilter;
  timeout?: Timeout | string;
  /** `continue`, `exit`, `end`, or the name of a task in the same list. */
  then: string;
  metadata: TaskMetadata;
  /** The task as it was written: `$task.definition`. */
  source: JsonObject;
}

/** What the router itself reads of a task's `metadata`; everything else is kept in `source`. */
export interface TaskMetadata {
  /** Whether the task may be repeated after a crash. `auto` asks the tool's annotations. */
  idempotency: 'auto' | 'safe' | 'unsafe';
  /** What happens to an unsafe task whose effect is uncertain after a crash. */
  onUncertain: 'ask' | 'retry' | 'fail';
  /** Input and output are not shown in the run's history. */
  sensitive: boolean;
}

/** Functions that the runtime offers beside the standard's protocols. */
export const RUNTIME_FUNCTIONS = ['llm', 'agent', 'approve', 'prompt', 'resource'] as const;
export type RuntimeFunction = (typeof RUNTIME_FUNCTIONS)[number];

/** Protocols of the standard that `call` accepts here. */
export const PROTOCOLS = ['http', 'openapi', 'a2a', 'mcp'] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** What `call` names: a catalogue tool `server__tool`, a protocol, a runtime function, or a function of `use.functions`. */
export type CallTarget = 'tool' | Protocol | RuntimeFunction | 'function';

export interface CallTask extends TaskBase {
  kind: 'call';
  /** What is written after `call:`. */
  call: string;
  target: CallTarget;
  /** Arguments; texts in them may be expressions. */
  with: JsonObject;
}

export interface DoTask extends TaskBase {
  kind: 'do';
  do: TaskList;
}

export interface EmitTask extends TaskBase {
  kind: 'emit';
  /** CloudEvent attributes, `source` and `type` at least; texts may be expressions. */
  event: JsonObject;
}

export interface ForTask extends TaskBase {
  kind: 'for';
  /** Variable of the item, without `$`. */
  each: string;
  in: string;
  /** Variable of the index, without `$`. */
  at: string;
  while?: string;
  do: TaskList;
}

export interface ForkTask extends TaskBase {
  kind: 'fork';
  branches: TaskList;
  compete: boolean;
}

export interface ListenTask extends TaskBase {
  kind: 'listen';
  to: EventStrategy;
  read: 'data' | 'envelope' | 'raw';
  foreach?: { item: string; at: string; do: TaskList; output: DataFilter; export: DataFilter };
}

export interface RaiseTask extends TaskBase {
  kind: 'raise';
  /** Inline, or the name of one in `use.errors`. */
  error: ErrorDefinition | string;
}

export interface RunTask extends TaskBase {
  kind: 'run';
  await: boolean;
  /** `version` is `latest` when the definition does not say; `input` null means the task's own input. */
  workflow: { namespace: string; name: string; version: string; input: Json };
}

export interface SetTask extends TaskBase {
  kind: 'set';
  set: JsonObject | string;
}

export interface SwitchTask extends TaskBase {
  kind: 'switch';
  cases: SwitchCase[];
}

export interface SwitchCase {
  name: string;
  pointer: string;
  /** Absent on the default case. */
  when?: string;
  then: string;
}

export interface TryTask extends TaskBase {
  kind: 'try';
  try: TaskList;
  catch: CatchClause;
}

export interface CatchClause {
  /** Every property given must equal the error's. */
  filter?: { type?: string; status?: number; instance?: string; title?: string; details?: string };
  /** Variable of the caught error, without `$`. */
  as: string;
  when?: string;
  exceptWhen?: string;
  retry?: RetryPolicy | string;
  do?: TaskList;
}

export interface WaitTask extends TaskBase {
  kind: 'wait';
  wait: Duration;
}

export type Task =
  | CallTask
  | DoTask
  | EmitTask
  | ForTask
  | ForkTask
  | ListenTask
  | RaiseTask
  | RunTask
  | SetTask
  | SwitchTask
  | TryTask
  | WaitTask;
export type TaskKind = Task['kind'];

export interface RetryPolicy {
  when?: string;
  exceptWhen?: string;
  delay?: Duration;
  backoff: 'constant' | 'linear' | 'exponential';
  limit: {
    /** Most attempts after the first. */
    attempts?: number;
    /** Longest one attempt may take. */
    attemptDuration?: Duration;
    /** Longest all attempts together may take. */
    duration?: Duration;
  };
  jitter?: { from: Duration; to: Duration };
}

/** RFC 7807 fields; each text may be an expression. */
export interface ErrorDefinition {
  type: string;
  status: number | string;
  title?: string;
  detail?: string;
  instance?: string;
}

export interface EventFilter {
  /** CloudEvent attributes that must match; texts may be expressions. */
  with: JsonObject;
  correlate: Record<string, { from: string; expect?: string }>;
}

export type EventStrategy =
  | { kind: 'one'; one: EventFilter }
  | { kind: 'all'; all: EventFilter[] }
  | { kind: 'any'; any: EventFilter[]; until?: string | EventStrategy };

/** `use` in a scheme names an entry of `use.secrets` that holds the fields. Texts may be expressions. */
export type Authentication =
  | { kind: 'reference'; use: string }
  | { kind: 'basic'; basic: { use: string } | { username: string; password: string } }
  | { kind: 'bearer'; bearer: { use: string } | { token: string } }
  | { kind: 'oauth2'; oauth2: { use: string } | OAuth2Client };

/** OAuth 2.0 client credentials. */
export interface OAuth2Client {
  authority: string;
  /** Path of the token endpoint below the authority. */
  tokenPath: string;
  client: { id: string; secret: string; authentication: 'client_secret_basic' | 'client_secret_post' };
  encoding: 'application/x-www-form-urlencoded' | 'application/json';
  scopes: string[];
  audiences: string[];
}

/** Directives that `then` knows besides the names of tasks. */
export const DIRECTIVES = ['continue', 'exit', 'end'] as const;

/** What bounds a definition. */
export interface DefinitionLimits {
  maxBytes: number;
  maxTasks: number;
  /** Task lists inside one another. */
  maxDepth: number;
  /** Branches of one `fork`. */
  maxBranches: number;
}

export const DEFINITION_LIMITS: DefinitionLimits = {
  maxBytes: 1_048_576,
  maxTasks: 1_000,
  maxDepth: 32,
  maxBranches: 50,
};
