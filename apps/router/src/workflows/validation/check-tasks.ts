import { isObject, type Json, pointerTo } from '../definition/json';
import type {
  CatchClause,
  DataFilter,
  Duration,
  ErrorDefinition,
  EventFilter,
  EventStrategy,
  ForkTask,
  NamedTask,
  RetryPolicy,
  Task,
  TaskList,
  Timeout,
} from '../definition/workflow';
import { didYouMean } from '../definition/nearest';
import type { Check, ExpressionPlace } from './check';
import { checkCall } from './check-calls';
import { listsOf } from '../definition/task-lists';
import { checkFlow, hasEnd } from './check-flow';
import { checkArguments } from './check-arguments';
import { typeOfSchema } from './schema-types';
import { schemaFaults } from './schema-validators';
import { ANY, assignability, COUNT, describeType, intersect, NEVER, tupleOf, type Type, union, unionOf } from './types';

/** What surrounds a task. */
export interface Surroundings {
  /** Variables of loops and catches, without `$`. */
  variables: ReadonlyMap<string, Type>;
  /** The tightest fixed timeout around. */
  limit?: { ms: number; pointer: string };
  /** The retry policy that repeats what is inside. */
  retry?: string;
}

const BEFORE = new Set(['context', 'secrets', 'task', 'workflow', 'runtime']);
const DURING = new Set([...BEFORE, 'input', 'authorization']);
const AFTER = new Set([...DURING, 'output']);
export const WORKFLOW_INPUT = new Set(['secrets', 'workflow', 'runtime']);
export const WORKFLOW_OUTPUT = new Set(['context', 'secrets', 'workflow', 'runtime']);

/** Checks a list of tasks, in order, and gives the type of what it puts out. */
export function checkList(check: Check, list: TaskList, input: Type, around: Surroundings): Type {
  const { edges, isReached } = checkFlow(check, list);
  const before: Type[] = list.map((_, index) => (index === 0 ? input : NEVER));
  // What a jump back brings is not known before it is reached.
  edges.forEach((from, index) => {
    for (const { to } of from) if (to !== 'out' && to <= index) before[to] = ANY;
  });
  let output: Type = list.length === 0 ? input : NEVER;
  list.forEach((named, index) => {
    const raw = isReached[index] ? (before[index] ?? ANY) : ANY;
    const result = checkTask(check, named, raw, around);
    if (!isReached[index]) return;
    for (const { to } of edges[index] ?? []) {
      if (to === 'out') output = union(output, result);
      else if (to > index) before[to] = union(before[to] ?? NEVER, result);
    }
  });
  return hasEnd(list) ? ANY : output;
}

/** One task: its filters, its own work, its output. */
export function checkTask(
  check: Check,
  { pointer, task }: Pick<NamedTask, 'pointer' | 'task'>,
  raw: Type,
  around: Surroundings,
): Type {
  const { variables } = around;
  const before: ExpressionPlace = { data: raw, given: BEFORE, variables };
  if (task.if !== undefined) checkCondition(check, task.if, pointerTo(pointer, 'if'), before);
  const accepted = checkSchema(check, task.input, pointerTo(pointer, 'input'), raw, 'The input of this task');
  const input = checkTransform(check, task.input, `${pointer}/input/from`, { ...before, data: accepted });
  const limit = checkTimeout(check, task.timeout, pointerTo(pointer, 'timeout'), around);
  const inner: Surroundings = { ...around, ...(limit === undefined ? {} : { limit }) };
  const during: ExpressionPlace = { data: input, given: DURING, variables: withVariable(variables, 'input', input) };
  const worked = checkWork(check, task, pointer, during, inner);
  const after: ExpressionPlace = { ...during, data: worked, isKept: true };
  const shaped = checkTransform(check, task.output, `${pointer}/output/as`, after);
  const output = checkSchema(check, task.output, pointerTo(pointer, 'output'), shaped, 'The output of this task');
  const exporting: ExpressionPlace = {
    data: output,
    given: AFTER,
    variables: withVariable(during.variables, 'output', output),
    isKept: true,
  };
  const exported = checkTransform(check, task.export, `${pointer}/export/as`, exporting);
  checkSchema(check, task.export, pointerTo(pointer, 'export'), exported, 'What this task exports');
  return task.if === undefined ? output : union(output, raw);
}

function withVariable(variables: ReadonlyMap<string, Type>, name: string, type: Type): ReadonlyMap<string, Type> {
  return new Map(variables).set(name, type);
}

/** A task's own work; gives the type of its raw output. */
function checkWork(check: Check, task: Task, pointer: string, place: ExpressionPlace, around: Surroundings): Type {
  switch (task.kind) {
    case 'call':
      return checkCall(check, task, pointer, place, around);
    case 'set': {
      const kept = { ...place, isKept: true };
      if (typeof task.set === 'string') return checkSet(check, task.set, pointerTo(pointer, 'set'), kept);
      return check.template(task.set, pointerTo(pointer, 'set'), kept).type;
    }
    case 'do':
      return checkList(check, task.do, place.data, around);
    case 'wait':
      checkDuration(check, task.wait, pointerTo(pointer, 'wait'), place, around);
      return place.data;
    case 'switch':
      return checkSwitch(check, task, pointer, place);
    case 'for':
      return checkFor(check, task, pointer, place, around);
    case 'fork':
      return checkFork(check, task, pointer, place, around);
    case 'try':
      return checkTry(check, task, pointer, place, around);
    case 'raise':
      return checkRaise(check, task.error, `${pointer}/raise/error`, place);
    case 'emit':
      check.template(task.event, `${pointer}/emit/event/with`, { ...place, isKept: true });
      return ANY;
    case 'listen':
      return checkListen(check, task, pointer, place, around);
    case 'run':
      return checkRun(check, task, pointer, place);
  }
}

function checkSet(check: Check, text: string, pointer: string, place: ExpressionPlace): Type {
  return check.template(text, pointer, place).type;
}

function checkCondition(check: Check, source: string, pointer: string, place: ExpressionPlace): void {
  const type = check.expression(source, pointer, place);
  const isCondition = type.length === 0 || type.some(({ kind }) => kind === 'boolean' || kind === 'null');
  if (!isCondition)
    check.report('WF506', pointer, `This condition yields ${describeType(type)}, which always counts as true`);
}

export function checkTransform(check: Check, filter: DataFilter, pointer: string, place: ExpressionPlace): Type {
  const { transform } = filter;
  if (transform === undefined) return place.data;
  if (typeof transform === 'string') return check.expression(transform, pointer, place);
  return check.template(transform, pointer, place).type;
}

/** The schema of a filter: that it is one, and that the data can match it. Gives the type that is left. */
export function checkSchema(check: Check, filter: DataFilter, pointer: string, data: Type, what: string): Type {
  if (filter.schema === undefined) return data;
  const at = `${pointer}/schema/document`;
  if (!checkJsonSchema(check, filter.schema, at)) return data;
  const wanted = typeOfSchema(filter.schema);
  if (data.length > 0 && assignability(data, wanted) === 'never')
    check.report('WF508', at, `${what} is ${describeType(data)}, the schema wants ${describeType(wanted)}`);
  return data === ANY ? wanted : intersect(data, wanted);
}

/** Largest JSON Schema that is compiled, in characters: compiling takes much longer than reading. */
const MAX_SCHEMA = 65_536;

export function checkJsonSchema(check: Check, schema: Json, pointer: string): boolean {
  if (JSON.stringify(schema).length > MAX_SCHEMA) {
    check.report('WF106', pointer, `The schema is longer than ${MAX_SCHEMA} characters`);
    return false;
  }
  const faults = schemaFaults(schema);
  for (const fault of faults) check.report('WF510', pointer + fault.pointer, `The schema ${fault.message}`);
  return faults.length === 0;
}

/** A timeout in place or by name; gives the tightest one that now holds. */
function checkTimeout(
  check: Check,
  timeout: Timeout | string | undefined,
  pointer: string,
  around: Surroundings,
): Surroundings['limit'] {
  if (timeout === undefined) return around.limit;
  const found = typeof timeout === 'string' ? checkReference(check, 'timeouts', timeout, pointer) : timeout;
  if (!found) return around.limit;
  const at = typeof timeout === 'string' ? pointer : pointerTo(pointer, 'after');
  const { after } = found;
  if ('expression' in after) {
    if (typeof timeout !== 'string')
      check.expression(after.expression, at, { data: ANY, given: BEFORE, variables: around.variables });
    return around.limit;
  }
  if (around.limit && after.ms > around.limit.ms) {
    const related = [{ pointer: around.limit.pointer, message: `The outer timeout of ${around.limit.ms} ms` }];
    check.report('WF604', at, `${after.ms} ms are longer than the ${around.limit.ms} ms around it`, { related });
    return around.limit;
  }
  return { ms: after.ms, pointer: at };
}

/** The entry of `use` that a name means. */
export function checkReference<K extends 'timeouts' | 'retries' | 'errors' | 'authentications' | 'functions'>(
  check: Check,
  kind: K,
  name: string,
  pointer: string,
): Check['workflow']['use'][K][string] | undefined {
  const components = check.workflow.use[kind];
  check.used.add(`${kind}/${name}`);
  if (Object.hasOwn(components, name)) return components[name] as Check['workflow']['use'][K][string];
  check.report('WF304', pointer, `\`use.${kind}\` has no \`${name}\``, {
    hint: didYouMean(name, Object.keys(components)),
  });
  return undefined;
}

function checkDuration(
  check: Check,
  duration: Duration,
  pointer: string,
  place: ExpressionPlace,
  around: Surroundings,
): void {
  if ('expression' in duration) {
    check.expression(duration.expression, pointer, place);
    return;
  }
  if (around.limit && duration.ms > around.limit.ms) {
    const related = [{ pointer: around.limit.pointer, message: `The timeout of ${around.limit.ms} ms` }];
    check.report('WF604', pointer, `Waits ${duration.ms} ms, longer than the ${around.limit.ms} ms allowed`, {
      related,
    });
  }
}

type Of<K extends Task['kind']> = Extract<Task, { kind: K }>;

function checkSwitch(check: Check, task: Of<'switch'>, pointer: string, place: ExpressionPlace): Type {
  for (const { when, pointer: at } of task.cases)
    if (when !== undefined) checkCondition(check, when, pointerTo(at, 'when'), place);
  if (task.cases.length > 0 && task.cases.every(({ when }) => when !== undefined))
    check.report('WF205', pointerTo(pointer, 'switch'), 'Without a match the flow goes on after the switch');
  return place.data;
}

function checkFor(check: Check, task: Of<'for'>, pointer: string, place: ExpressionPlace, around: Surroundings): Type {
  const at = `${pointer}/for/in`;
  const list = check.expression(task.in, at, place);
  if (list.length > 0 && !list.some(({ kind }) => kind === 'array'))
    check.report('WF507', at, `\`in\` yields ${describeType(list)}`);
  const items = list.flatMap((part) => (part.kind === 'array' ? [unionOf([...part.prefix, part.rest])] : []));
  const variables = new Map(around.variables).set(task.each, list === ANY ? ANY : union(...items)).set(task.at, COUNT);
  if (task.while !== undefined)
    checkCondition(check, task.while, pointerTo(pointer, 'while'), {
      ...place,
      data: ANY,
      variables: new Map([...place.variables, ...variables]),
    });
  // Each turn starts from what the one before put out.
  checkList(check, task.do, task.do.length === 0 ? place.data : ANY, { ...around, variables });
  return ANY;
}

function checkFork(check: Check, task: ForkTask, pointer: string, place: ExpressionPlace, around: Surroundings): Type {
  const outputs = task.branches.map((branch) => checkTask(check, branch, place.data, around));
  const exporting = task.branches.filter((branch) => exports(branch.task));
  const [first, second] = exporting;
  if (!task.compete && first && second) {
    const related = exporting.map(({ pointer: at, name }) => ({ pointer: at, message: `\`${name}\` exports` }));
    check.report('WF207', second.pointer, `\`${first.name}\` and \`${second.name}\` both export to the context`, {
      related,
    });
  }
  if (task.compete && task.branches.length === 1)
    check.report('WF209', `${pointer}/fork/branches`, 'Only one branch competes');
  if (hasEnd(task.branches)) return ANY;
  return task.compete ? union(...outputs) : tupleOf(outputs);
}

function exports(task: Task): boolean {
  return task.export.transform !== undefined || listsOf(task).some((list) => list.some((named) => exports(named.task)));
}

function checkTry(check: Check, task: Of<'try'>, pointer: string, place: ExpressionPlace, around: Surroundings): Type {
  const clause = task.catch;
  const at = pointerTo(pointer, 'catch');
  const retryAt = pointerTo(at, 'retry');
  const body = checkList(
    check,
    task.try,
    place.data,
    clause.retry === undefined ? around : { ...around, retry: retryAt },
  );
  const variables = new Map(around.variables).set(clause.as, ANY);
  const catching: ExpressionPlace = {
    data: ANY,
    given: DURING,
    variables: new Map([...place.variables, ...variables]),
  };
  checkCatch(check, clause, at, catching);
  if (clause.retry !== undefined) checkRetry(check, clause.retry, retryAt, catching);
  if (!clause.do) return ANY;
  return union(body, checkList(check, clause.do, ANY, { ...around, variables }));
}

function checkCatch(check: Check, clause: CatchClause, at: string, place: ExpressionPlace): void {
  if (clause.when !== undefined) checkCondition(check, clause.when, pointerTo(at, 'when'), place);
  if (clause.exceptWhen !== undefined) checkCondition(check, clause.exceptWhen, pointerTo(at, 'exceptWhen'), place);
}

function checkRetry(check: Check, retry: RetryPolicy | string, at: string, place: ExpressionPlace): void {
  const policy = typeof retry === 'string' ? checkReference(check, 'retries', retry, at) : retry;
  if (!policy) return;
  if (typeof retry !== 'string') checkRetryPolicy(check, retry, at, place);
  if (policy.limit.attempts === undefined && policy.limit.duration === undefined)
    check.report('WF607', at, 'Nothing ends the retries');
}

/** The expressions of a retry policy. */
export function checkRetryPolicy(check: Check, retry: RetryPolicy, at: string, place: ExpressionPlace): void {
  if (retry.when !== undefined) checkCondition(check, retry.when, pointerTo(at, 'when'), place);
  if (retry.exceptWhen !== undefined) checkCondition(check, retry.exceptWhen, pointerTo(at, 'exceptWhen'), place);
  const durations: [Duration | undefined, string][] = [
    [retry.delay, 'delay'],
    [retry.limit.duration, 'limit/duration'],
    [retry.limit.attemptDuration, 'limit/attempt/duration'],
    [retry.jitter?.from, 'jitter/from'],
    [retry.jitter?.to, 'jitter/to'],
  ];
  for (const [duration, name] of durations)
    if (duration && 'expression' in duration) check.expression(duration.expression, `${at}/${name}`, place);
}

function checkRaise(check: Check, error: ErrorDefinition | string, at: string, place: ExpressionPlace): Type {
  if (typeof error === 'string') checkReference(check, 'errors', error, at);
  else check.template({ ...error }, at, { ...place, isKept: true });
  return NEVER;
}

export function checkStrategy(check: Check, strategy: EventStrategy, at: string, place: ExpressionPlace): void {
  const filters = strategy.kind === 'one' ? [strategy.one] : strategy.kind === 'all' ? strategy.all : strategy.any;
  filters.forEach((filter, index) => {
    checkEventFilter(
      check,
      filter,
      strategy.kind === 'one' ? pointerTo(at, 'one') : `${at}/${strategy.kind}/${index}`,
      place,
    );
  });
  if (strategy.kind !== 'any' || strategy.until === undefined) return;
  const untilAt = pointerTo(at, 'until');
  if (typeof strategy.until === 'string') checkCondition(check, strategy.until, untilAt, { ...place, data: ANY });
  else checkStrategy(check, strategy.until, untilAt, place);
}

function checkEventFilter(check: Check, filter: EventFilter, at: string, place: ExpressionPlace): void {
  check.template(filter.with, pointerTo(at, 'with'), { ...place, data: ANY });
  for (const [name, { from, expect }] of Object.entries(filter.correlate)) {
    const correlateAt = pointerTo(pointerTo(at, 'correlate'), name);
    check.expression(from, pointerTo(correlateAt, 'from'), { ...place, data: ANY });
    if (expect !== undefined) check.template(expect, pointerTo(correlateAt, 'expect'), place);
  }
}

function checkListen(
  check: Check,
  task: Of<'listen'>,
  pointer: string,
  place: ExpressionPlace,
  around: Surroundings,
): Type {
  checkStrategy(check, task.to, `${pointer}/listen/to`, place);
  if (!task.foreach) return ANY;
  const { item, at, do: list, output, export: exported } = task.foreach;
  const variables = new Map(around.variables).set(item, ANY).set(at, COUNT);
  checkList(check, list, ANY, { ...around, variables });
  const foreachAt = pointerTo(pointer, 'foreach');
  const after: ExpressionPlace = {
    data: ANY,
    given: AFTER,
    variables: new Map([...place.variables, ...variables]),
    isKept: true,
  };
  checkTransform(check, output, `${foreachAt}/output/as`, after);
  checkSchema(check, output, pointerTo(foreachAt, 'output'), ANY, 'The output of each event');
  checkTransform(check, exported, `${foreachAt}/export/as`, after);
  return ANY;
}

function checkRun(check: Check, task: Of<'run'>, pointer: string, place: ExpressionPlace): Type {
  const at = `${pointer}/run/workflow`;
  const { namespace, name, version, input } = task.workflow;
  const { document } = check.workflow;
  // A `run` that was refused or could not be read has said so already.
  if (name === '') return ANY;
  const inputAt = pointerTo(at, 'input');
  if (input !== null) check.template(input, inputAt, place);
  if (namespace === document.namespace && name === document.name) {
    check.report('WF204', at, `\`${namespace}/${name}\` runs itself`);
    return ANY;
  }
  const found = check.catalogue.workflow(namespace, name, version);
  if (!found) {
    const names = check.catalogue.workflowNames?.() ?? [];
    const text = version === 'latest' ? '' : ` in version ${version}`;
    check.report('WF408', at, `There is no workflow \`${namespace}/${name}\`${text}`, {
      hint: didYouMean(`${namespace}/${name}`, names),
    });
    return ANY;
  }
  if (leadsTo(check, found.runs ?? [], document, new Set()))
    check.report('WF204', at, `\`${namespace}/${name}\` runs this workflow again`);
  const { inputSchema } = found;
  if (isObject(inputSchema) && input !== null)
    checkArguments(check, input, inputAt, inputSchema, place, `The workflow \`${name}\``);
  else if (inputSchema !== undefined && assignability(place.data, typeOfSchema(inputSchema)) === 'never')
    check.report('WF504', at, `The input of this task, ${describeType(place.data)}, never fits the workflow`);
  if (!task.await) return place.data;
  return found.outputSchema === undefined ? ANY : typeOfSchema(found.outputSchema);
}

function leadsTo(
  check: Check,
  runs: readonly { namespace: string; name: string }[],
  goal: { namespace: string; name: string },
  seen: Set<string>,
): boolean {
  return runs.some(({ namespace, name }) => {
    if (namespace === goal.namespace && name === goal.name) return true;
    const key = `${namespace}/${name}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return leadsTo(check, check.catalogue.workflow(namespace, name, 'latest')?.runs ?? [], goal, seen);
  });
}
