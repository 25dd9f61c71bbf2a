import type { Type } from './types';

/** What surrounds a task. */
export interface Surroundings {
  /** Variables of loops and catches, without `$`. */
  variables: ReadonlyMap<string, Type>;
  /** The tightest fixed timeout around. */
  limit?: { ms: number; pointer: string };
  /** The retry policy that repeats what is inside. */
  retry?: string;
}

/** Variables that an expression before, during and after a task sees, without `$`. */
export const BEFORE = new Set(['context', 'secrets', 'task', 'workflow', 'runtime']);
export const DURING = new Set([...BEFORE, 'input', 'authorization']);
export const AFTER = new Set([...DURING, 'output']);

/** Those that the input and the output of a workflow see. */
export const WORKFLOW_INPUT = new Set(['secrets', 'workflow', 'runtime']);
export const WORKFLOW_OUTPUT = new Set(['context', 'secrets', 'workflow', 'runtime']);
