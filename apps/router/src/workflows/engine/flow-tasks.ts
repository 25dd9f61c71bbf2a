import { textOf, type Json } from '../definition/json';
import type { ErrorDefinition, Task } from '../definition/workflow';
import type { WorkflowError } from './event';
import { WorkflowFault } from './fault';
import type { Result, TaskRunner } from './interpreter';

export const set: TaskRunner<Task & { kind: 'set' }> = async (run, { task }, input, frame) => {
  const output =
    typeof task.set === 'string'
      ? await run.evaluate(task.set, frame, input)
      : await run.resolve(task.set, frame, input);
  return { output };
};

/** `switch`: the first case that holds says where to go on; without one, the task's own `then`. */
export const choose: TaskRunner<Task & { kind: 'switch' }> = async (run, { task }, input, frame) => {
  const ordered = [
    ...task.cases.filter(({ when }) => when !== undefined),
    ...task.cases.filter(({ when }) => when === undefined),
  ];
  for (const { when, then } of ordered)
    if (when === undefined || (await run.test(when, frame, input))) return { output: input, then };
  return { output: input };
};

/** `for`: each round works on the output of the one before. */
export const loop: TaskRunner<Task & { kind: 'for' }> = async (run, { task, pointer }, input, frame, path) => {
  const items = await run.evaluate(task.in, frame, input);
  if (!Array.isArray(items))
    throw WorkflowFault.of('expression', '`in` does not yield an array', { instance: pointer });
  if (items.length > run.limits.maxIterations)
    throw WorkflowFault.of('runtime', `More than ${run.limits.maxIterations} rounds`, { instance: pointer });
  let data: Json = input;
  for (const [index, item] of items.entries()) {
    const variables = { ...frame.variables, [task.each]: item, [task.at]: index };
    const inside = { ...frame, variables };
    if (task.while !== undefined && !(await run.test(task.while, inside, data))) break;
    const result: Result = await run.list(task.do, data, inside, `${path}/do@${index}`);
    data = result.output;
    if (result.end) return result;
  }
  return { output: data };
};

export const raise: TaskRunner<Task & { kind: 'raise' }> = async (run, { task, pointer }, input, frame) => {
  const definition = typeof task.error === 'string' ? run.workflow.use.errors[task.error] : task.error;
  if (!definition) throw WorkflowFault.of('configuration', `There is no error \`${textOf(task.source['raise'])}\``);
  const resolved = (await run.resolve({ ...(definition satisfies ErrorDefinition) }, frame, input)) as Record<
    string,
    Json
  >;
  const error: WorkflowError = {
    type: textOf(resolved['type']),
    status: Number(resolved['status']),
    ...(resolved['title'] === undefined ? {} : { title: textOf(resolved['title']) }),
    ...(resolved['detail'] === undefined ? {} : { detail: textOf(resolved['detail']) }),
    instance: resolved['instance'] === undefined ? pointer : textOf(resolved['instance']),
  };
  throw new WorkflowFault(error);
};

export const wait: TaskRunner<Task & { kind: 'wait' }> = async (run, { task }, input, frame) => {
  const { strand } = frame;
  const due = strand.clock + (await run.duration(task.wait, frame, input));
  await run.agenda.wait(strand, { kind: 'timer', due });
  strand.clock = Math.max(strand.clock, due);
  return { output: input };
};
