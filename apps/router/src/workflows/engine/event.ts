import type { Json, JsonObject } from '../definition/json';

/** What a run's history consists of. Events are only ever added; the state of a run is what they add up to. */
export type EventBody =
  | { type: 'run.started' }
  /** An effect is about to happen. Without a later end at the same path its outcome is uncertain after a crash. */
  | { type: 'effect.scheduled'; path: string; data: EffectRecord }
  | { type: 'effect.completed'; path: string; data: { output: Json } & Sensitivity }
  | { type: 'effect.faulted'; path: string; data: { error: WorkflowError } & Sensitivity }
  /** What a person said about an uncertain effect. */
  | { type: 'effect.resolved'; path: string; data: Resolution }
  /** How a part that could have ended in several ways did end: a fork, a task with a time limit. */
  | { type: 'part.decided'; path: string; data: Outcome & Sensitivity }
  /** Something that was waited for came: an event, an answer of a person, the end of another run. */
  | { type: 'input.received'; path: string; data: ({ value: Json } | { error: WorkflowError }) & Sensitivity }
  | { type: 'approval.requested'; path: string; data: JsonObject }
  | { type: 'task.finished'; path: string; data: TaskRecord }
  | { type: 'run.suspended' }
  | { type: 'run.resumed' }
  | { type: 'run.cancelling' }
  /** A faulted run goes on at the effect that failed. */
  | { type: 'run.retried'; data: { path: string | null } }
  /** The history before it is that of another run; the task at the path gets another input. */
  | { type: 'run.forked'; data: { from: string; path: string; input?: Json } }
  | { type: 'run.completed'; data: { output: Json } }
  | { type: 'run.faulted'; data: { error: WorkflowError } }
  | { type: 'run.cancelled' };

export type RunEvent = EventBody & {
  /** From 1, without gaps. */
  seq: number;
  /** Epoch milliseconds at the owner of the run. */
  at: number;
};

/** What callers see in place of data that is sensitive. */
export const SENSITIVE = '(sensitive)';

export interface Sensitivity {
  /** Input and output are not shown. */
  sensitive?: boolean;
}

export interface EffectRecord extends Sensitivity {
  kind: string;
  pointer: string;
  attempt: number;
  key: string;
  isSafe: boolean;
  input: Json;
}

export interface TaskRecord extends Sensitivity {
  kind: string;
  pointer: string;
  startedAt: number;
  input: Json;
  output: Json;
}

export type Resolution = { action: 'retry' } | { action: 'complete'; output: Json } | { action: 'fail' };

/** The end of a part of a workflow, with the `$context` that it leaves. `end` is the directive that ends the workflow. */
export type Outcome = ({ output: Json; end?: boolean } | { error: WorkflowError }) & { context: Json };

/** RFC 7807 problem, as the standard defines its errors. */
export interface WorkflowError {
  type: string;
  status: number;
  title?: string;
  detail?: string;
  instance?: string;
  /** Where in the history it came up; not part of the standard, never shown. */
  path?: string;
}

/** An error as expressions and callers see it. */
export function publicError({ path: _path, ...error }: WorkflowError): WorkflowError & JsonObject {
  return error;
}
