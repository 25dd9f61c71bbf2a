import { pointerTo } from '../definition/json';
import { listsOf } from '../definition/task-lists';
import type { CatchClause, ForkTask, NamedTask, Task, TaskList } from '../definition/workflow';
import type { Check, ExpressionPlace } from './check';
import { checkCall } from './check-calls';
import { checkDuration, checkRaise, checkRetry, checkTimeout } from './check-components';
import { checkCondition, checkSchema, checkTransform } from './check-data';
import { checkStrategy } from './check-events';
import { checkFlow, hasEnd } from './check-flow';
import { checkRun } from './check-runs';
import { AFTER, BEFORE, DURING, type Surroundings } from './surroundings';
import { ANY, COUNT, describeType, NEVER, tupleOf, type Type, union, unionOf } from './types';

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
