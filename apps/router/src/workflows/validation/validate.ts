import { isObject, type Json, type JsonObject, pointerSteps, pointerTo } from '../definition/json';
import { type DefinitionFormat, parseWorkflow, type ParsedWorkflow } from '../definition/parse';
import type { DefinitionLimits, TaskList, Workflow, WorkflowDocument } from '../definition/workflow';
import { EMPTY_CATALOGUE, isDestructive, isRepeatable, type ValidationCatalogue } from './catalogue';
import { Check, type ValidationOptions } from './check';
import { checkAuthentication } from './check-calls';
import { listsOf } from '../definition/task-lists';
import { checkReference, checkRetryPolicy } from './check-components';
import { checkSchema, checkTransform } from './check-data';
import { checkStrategy } from './check-events';
import { checkList, checkTask } from './check-tasks';
import { type Diagnostic, DIAGNOSTICS } from './diagnostics';
import { type Surroundings, WORKFLOW_INPUT, WORKFLOW_OUTPUT } from './surroundings';
import { ANY, type Type } from './types';

export interface ValidateOptions extends ValidationOptions {
  /** For text; told by its first character when absent. */
  format?: DefinitionFormat;
  limits?: Partial<DefinitionLimits>;
  /** Hashes of the tools of the version that is published under the name of the definition. */
  hashesOf?: (document: WorkflowDocument) => Readonly<Record<string, string>> | undefined;
}

export interface ValidationResult {
  /** Whether there is no error; warnings and infos do not count. */
  valid: boolean;
  /** In the order of the definition. */
  diagnostics: Diagnostic[];
  /** Present when the definition could be read at all; run it only when `valid`. */
  workflow?: Workflow;
  /** Hashes of the catalogue's tools that it calls, to be kept with a published version. */
  tools: Record<string, string>;
}

/**
 * Checks a definition against the standard, its own flow and the live catalogue. Never throws.
 * `source` is YAML or JSON text, or the definition as an object.
 */
export function validateWorkflow(
  source: unknown,
  catalogue: ValidationCatalogue = EMPTY_CATALOGUE,
  options: ValidateOptions = {},
): ValidationResult {
  const parsed = parseWorkflow(source, {
    ...(options.format ? { format: options.format } : {}),
    ...(options.limits ? { limits: options.limits } : {}),
  });
  const structural = parsed.faults.map((fault): Diagnostic => {
    return { hint: DIAGNOSTICS[fault.code].hint, related: [], ...fault };
  });
  const { workflow } = parsed;
  if (!workflow) return { valid: false, diagnostics: structural, tools: {} };
  const publishedHashes = options.publishedHashes ?? options.hashesOf?.(workflow.document);
  const check = new Check(workflow, catalogue, { ...options, ...(publishedHashes ? { publishedHashes } : {}) });
  try {
    checkWorkflow(check);
  } catch (error) {
    // Whatever a definition contains, the answer is a diagnostic.
    const reason = error instanceof Error ? error.message : String(error);
    check.report('WF106', '', `The definition could not be checked to the end: ${reason}`);
  }
  const diagnostics = inOrder([...structural, ...check.diagnostics], workflow.source, parsed);
  return {
    valid: diagnostics.every(({ severity }) => severity !== 'error'),
    diagnostics,
    workflow,
    tools: Object.fromEntries(check.tools),
  };
}

const NO_VARIABLES: ReadonlyMap<string, Type> = new Map();

function checkWorkflow(check: Check): void {
  const { workflow } = check;
  const input = checkSchema(check, workflow.input, '/input', ANY, 'The input');
  const place = { data: input, given: WORKFLOW_INPUT, variables: NO_VARIABLES };
  const data = checkTransform(check, workflow.input, '/input/from', place);
  checkComponents(check);
  if (workflow.schedule?.kind === 'on')
    checkStrategy(check, workflow.schedule.on, '/schedule/on', { ...place, data: ANY });
  const around: Surroundings = { variables: NO_VARIABLES, ...limitOf(check) };
  const result = checkList(check, workflow.do, data, around);
  const after = { data: result, given: WORKFLOW_OUTPUT, variables: NO_VARIABLES, isKept: true };
  const output = checkTransform(check, workflow.output, '/output/as', after);
  checkSchema(check, workflow.output, '/output', output, 'The output');
  checkUnused(check);
  checkTaint(check, workflow.do, { from: undefined });
}

function limitOf(check: Check): Pick<Surroundings, 'limit'> {
  const { timeout } = check.workflow;
  const found = typeof timeout === 'string' ? checkReference(check, 'timeouts', timeout, '/timeout') : timeout;
  if (!found || !('ms' in found.after)) return {};
  return { limit: { ms: found.after.ms, pointer: '/timeout' } };
}

function checkComponents(check: Check): void {
  const { use } = check.workflow;
  const place = {
    data: ANY,
    given: new Set([...WORKFLOW_OUTPUT, 'input', 'task', 'authorization']),
    variables: new Map([['error', ANY]]),
  };
  for (const [name, task] of Object.entries(use.functions))
    checkTask(check, { pointer: pointerTo('/use/functions', name), task }, ANY, { variables: NO_VARIABLES });
  for (const [name, authentication] of Object.entries(use.authentications))
    checkAuthentication(check, authentication, pointerTo('/use/authentications', name));
  for (const [name, retry] of Object.entries(use.retries))
    checkRetryPolicy(check, retry, pointerTo('/use/retries', name), place);
  for (const [name, error] of Object.entries(use.errors))
    check.template({ ...error }, pointerTo('/use/errors', name), place);
  const { secrets } = check.catalogue;
  use.secrets.forEach((name, index) => {
    if (secrets && !secrets.has(name))
      check.report('WF310', pointerTo('/use/secrets', index), `No secret is stored as \`${name}\``);
  });
}

/** Components that nothing refers to. */
function checkUnused(check: Check): void {
  const { use } = check.workflow;
  const kinds = ['authentications', 'errors', 'functions', 'retries', 'timeouts'] as const;
  for (const kind of kinds)
    for (const name of Object.keys(use[kind]))
      if (!check.used.has(`${kind}/${name}`))
        check.report('WF313', pointerTo(`/use/${kind}`, name), `\`${name}\` is never used`);
  // `$secrets` may be read as a whole; then all count as used.
  const readsAll = JSON.stringify(check.workflow.source).includes('$secrets');
  use.secrets.forEach((name, index) => {
    if (!readsAll && !check.used.has(`secrets/${name}`))
      check.report('WF313', pointerTo('/use/secrets', index), `\`${name}\` is never used`);
  });
}

/** Follows data from tools that read the outside world to tools that may destroy, until a person approves. */
function checkTaint(check: Check, list: TaskList, taint: { from: string | undefined }): void {
  for (const { task, pointer } of list) {
    if (task.kind === 'call') {
      const tool = task.target === 'tool' ? check.catalogue.tool(task.call) : undefined;
      if (task.target === 'approve') taint.from = undefined;
      const usesData = JSON.stringify(task.with).includes('${');
      if (tool && taint.from !== undefined && usesData && isDestructive(tool) && !isRepeatable(tool)) {
        const related = [{ pointer: taint.from, message: 'Data comes from outside here' }];
        check.report('WF605', pointer, `\`${task.call}\` may destroy, and acts on what came from outside`, { related });
      }
      const isOutside = tool
        ? tool.annotations?.openWorldHint === true
        : ['http', 'openapi', 'a2a', 'mcp'].includes(task.target);
      if (isOutside) taint.from = pointer;
    }
    for (const inner of listsOf(task)) checkTaint(check, inner, taint);
  }
}

/** Sorted by where the pointers stand in the definition; line and column are added when it came as text. */
function inOrder(diagnostics: Diagnostic[], source: Json, { locate }: ParsedWorkflow): Diagnostic[] {
  const keys = new Map<Json, Map<string, number>>();
  const keyed = diagnostics.map((diagnostic) => ({ diagnostic, key: placeOf(source, diagnostic.pointer, keys) }));
  keyed.sort((a, b) => {
    const length = Math.min(a.key.length, b.key.length);
    for (let index = 0; index < length; index++) {
      const order = (a.key[index] ?? 0) - (b.key[index] ?? 0);
      if (order !== 0) return order;
    }
    return a.key.length - b.key.length || (a.diagnostic.code < b.diagnostic.code ? -1 : 1);
  });
  return keyed.map(({ diagnostic }) =>
    diagnostic.line === undefined ? { ...diagnostic, ...locate(diagnostic.pointer) } : diagnostic,
  );
}

/** The index of each step of a pointer among its siblings; `keys` remembers those of objects. */
function placeOf(source: Json, pointer: string, keys: Map<Json, Map<string, number>>): number[] {
  const indexOf = (object: JsonObject, step: string): number => {
    let places = keys.get(object);
    if (!places) keys.set(object, (places = new Map(Object.keys(object).map((name, index) => [name, index]))));
    return places.get(step) ?? -1;
  };
  let value: Json | undefined = source;
  return pointerSteps(pointer).map((step) => {
    const isList: boolean = Array.isArray(value);
    const place = isList ? Number(step) : isObject(value) ? indexOf(value, step) : -1;
    value = isList ? (value as Json[])[place] : isObject(value) ? value[step] : undefined;
    return place < 0 ? Number.MAX_SAFE_INTEGER : place;
  });
}
