import type { JsonObject } from '../definition/json';
import { parseWorkflow } from '../definition/parse';
import { AUTONOMOUS_AGENT } from './autonomous-agent';
import { CHAIN } from './chain';
import { EVALUATOR_OPTIMIZER } from './evaluator-optimizer';
import { ORCHESTRATOR_WORKERS } from './orchestrator-workers';
import { PARALLEL_VOTE } from './parallel-vote';
import { ROUTE } from './route';

/** A workflow to start from. */
export interface WorkflowTemplate {
  name: string;
  title: string;
  /** When to take it. */
  summary: string;
  /** The definition as YAML, with comments. */
  yaml: string;
  definition: JsonObject;
}

/** The patterns of “Building effective agents”, as workflows; the name of each is that of its document. */
export const TEMPLATES: readonly WorkflowTemplate[] = [
  CHAIN,
  ROUTE,
  PARALLEL_VOTE,
  ORCHESTRATOR_WORKERS,
  EVALUATOR_OPTIMIZER,
  AUTONOMOUS_AGENT,
].map(readTemplate);

export function findTemplate(name: string): WorkflowTemplate | undefined {
  return TEMPLATES.find((template) => template.name === name);
}

function readTemplate(yaml: string): WorkflowTemplate {
  const { workflow } = parseWorkflow(yaml, { format: 'yaml' });
  if (!workflow) throw new Error('A template is not a workflow');
  const { name, title, summary } = workflow.document;
  return { name, title: title ?? name, summary: summary ?? '', yaml, definition: workflow.source };
}
