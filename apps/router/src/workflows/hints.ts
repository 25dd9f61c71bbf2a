import type { JsonObject } from './definition/json';
import { listsOf } from './definition/task-lists';
import type { CallTask, Task, Workflow } from './definition/workflow';
import { isReadingA2a } from './functions/a2a';
import { isReadingMcp } from './functions/inline-mcp';
import { isDestructive, isRepeatable, type ValidationCatalogue } from './validation/catalogue';

/** The annotations of a tool, all said. */
export interface WorkflowHints {
  readOnlyHint: boolean;
  destructiveHint: boolean;
  idempotentHint: boolean;
  openWorldHint: boolean;
}

/** Of a workflow of which nothing is known. */
export const WORST: WorkflowHints = {
  readOnlyHint: false,
  destructiveHint: true,
  idempotentHint: false,
  openWorldHint: true,
};

const HARMLESS: WorkflowHints = {
  readOnlyHint: true,
  destructiveHint: false,
  idempotentHint: true,
  openWorldHint: false,
};

/** What a workflow may do at worst: the worst of what each of its tasks may do. What cannot be told is taken as bad. */
export function hintsOf(workflow: Workflow, catalogue: ValidationCatalogue): WorkflowHints {
  let worst = HARMLESS;
  const visit = (task: Task): void => {
    const hints = hintsOfTask(task, catalogue);
    worst = {
      readOnlyHint: worst.readOnlyHint && hints.readOnlyHint,
      destructiveHint: worst.destructiveHint || hints.destructiveHint,
      idempotentHint: worst.idempotentHint && hints.idempotentHint,
      openWorldHint: worst.openWorldHint || hints.openWorldHint,
    };
    for (const list of listsOf(task)) for (const inner of list) visit(inner.task);
  };
  for (const { task } of workflow.do) visit(task);
  for (const task of Object.values(workflow.use.functions)) visit(task);
  return worst;
}

function hintsOfTask(task: Task, catalogue: ValidationCatalogue): WorkflowHints {
  switch (task.kind) {
    case 'call':
      return hintsOfCall(task, catalogue);
    case 'emit':
      // Whoever hears it may do anything.
      return { ...HARMLESS, readOnlyHint: false, idempotentHint: false };
    case 'run':
      return WORST;
    default:
      return HARMLESS;
  }
}

const READING = new Set(['GET', 'HEAD', 'OPTIONS']);

function hintsOfCall({ call, target, with: args }: CallTask, catalogue: ValidationCatalogue): WorkflowHints {
  switch (target) {
    case 'tool': {
      const tool = catalogue.tool(call);
      if (!tool) return WORST;
      return {
        readOnlyHint: tool.annotations?.readOnlyHint === true,
        destructiveHint: isDestructive(tool),
        idempotentHint: isRepeatable(tool),
        openWorldHint: tool.annotations?.openWorldHint !== false,
      };
    }
    case 'http':
      return outward(isReadingHttp(args));
    case 'a2a':
      return outward(isReadingA2a(args));
    case 'mcp':
      return outward(isReadingMcp(args));
    case 'llm':
      return outward(true);
    // What is defined under `use.functions` is looked at there.
    case 'function':
    case 'approve':
    case 'prompt':
    case 'resource':
      return HARMLESS;
    case 'openapi':
    case 'agent':
      return WORST;
  }
}

function isReadingHttp({ method }: JsonObject): boolean {
  return typeof method === 'string' && READING.has(method.toUpperCase());
}

function outward(isReading: boolean): WorkflowHints {
  return isReading ? { ...HARMLESS, openWorldHint: true } : WORST;
}
