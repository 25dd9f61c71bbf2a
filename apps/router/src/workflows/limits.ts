import type { RouterEnv } from '../config';
import type { DefinitionLimits } from './definition/workflow';
import type { RunLimits } from './engine/host';

const DAY_MS = 86_400_000;

/** What bounds a definition here. */
export function definitionLimits(env: RouterEnv): DefinitionLimits {
  return {
    maxBytes: env.WORKFLOW_MAX_DEFINITION_BYTES,
    maxTasks: env.WORKFLOW_MAX_TASKS,
    maxDepth: env.WORKFLOW_MAX_DEPTH,
    maxBranches: env.WORKFLOW_MAX_BRANCHES,
  };
}

/** What bounds a run here. */
export function runLimits(env: RouterEnv): RunLimits {
  return {
    maxIterations: env.WORKFLOW_MAX_ITERATIONS,
    maxPayloadBytes: env.WORKFLOW_MAX_PAYLOAD_BYTES,
    maxEvents: env.WORKFLOW_MAX_EVENTS,
    maxWaitMs: env.WORKFLOW_MAX_WAIT_DAYS * DAY_MS,
  };
}
