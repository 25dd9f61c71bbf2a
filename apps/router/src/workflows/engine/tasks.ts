import type { CallTarget, Task, TaskKind } from '../definition/workflow';
import { agentCall } from './agent';
import { approveCall } from './approve';
import { authorizationOf, withCredentials, withoutSecrets } from './credentials';
import { emit, listen } from './events-tasks';
import { fork } from './fork';
import type { TaskRunner } from './interpreter';
import { loop, choose, raise, set, wait } from './flow-tasks';
import { attempt } from './try';
import type { Json, JsonObject } from '../definition/json';
import { isObject } from '../definition/json';
import { WorkflowFault } from './fault';

const call: TaskRunner<Task & { kind: 'call' }> = async (run, named, input, frame, path) => {
  const { task } = named;
  if (task.target === 'approve') return approveCall(run, named, input, frame, path);
  // Schemas of answers are data, in which nothing is an expression.
  const { schema, ...others } = task.with;
  const isSchema = schema !== undefined && (task.target === 'llm' || task.target === 'agent');
  const resolved = await run.resolve(isSchema ? others : task.with, frame, input);
  const args: JsonObject = { ...(isObject(resolved) ? resolved : {}), ...(isSchema ? { schema } : {}) };
  if (task.target === 'function') {
    const body = run.workflow.use.functions[task.call];
    if (!body) throw WorkflowFault.of('configuration', `There is no function \`${task.call}\``);
    return {
      output: (await run.task({ ...named, task: body }, args, { ...frame, variables: {} }, `${path}/call`)).output,
    };
  }
  if (task.target === 'agent') return { output: await agentCall(run, named, args, input, frame, path) };
  const effect = { kind: 'call' as const, task, input, shown: withoutSecrets(task.with, args) };
  if (!OUTWARD.has(task.target)) return { output: await run.effects.perform(named, { ...effect, args }, path, frame) };
  const own = await withCredentials(run, args, frame, input);
  const authorization = authorizationOf(own);
  const proof = authorization === undefined ? {} : { authorization };
  if (task.target !== 'openapi')
    return { output: await run.effects.perform(named, { ...effect, args: own }, path, frame), ...proof };
  // What the document says is in the history, so a crash does not change what is called.
  const lookUp = { ...effect, args: own, step: 'operation' as const };
  const operation = await run.effects.perform(named, lookUp, `${path}/operation`, frame);
  const output = await run.effects.perform(named, { ...effect, args: { ...own, operation } }, path, frame);
  return { output, ...proof };
};

/** Calls that leave the catalogue, and may bring credentials of their own. */
const OUTWARD: ReadonlySet<CallTarget> = new Set(['http', 'openapi', 'a2a', 'mcp']);

const runWorkflow: TaskRunner<Task & { kind: 'run' }> = async (run, named, input, frame, path) => {
  const { workflow, await: isAwaited } = named.task;
  const resolved = await run.resolve(workflow.input ?? null, frame, input);
  const effect = { kind: 'run' as const, workflow: { ...workflow, input: workflow.input === null ? input : resolved } };
  const started = await run.effects.perform(named, effect, path, frame);
  if (!isAwaited) return { output: input };
  const place = `${path}/result`;
  const past = run.journal.at(place);
  if (!past.received) {
    const runId = isObject(started) && typeof started['run'] === 'string' ? started['run'] : '';
    await run.agenda.wait(frame.strand, { kind: 'child', path: place, runId });
  }
  return { output: received(run.journal.at(place), frame, place) };
};

/** What came in at a place, when the strand goes on with it. */
export function received(
  place: ReturnType<Parameters<TaskRunner<Task>>[0]['journal']['at']>,
  { strand }: Parameters<TaskRunner<Task>>[3],
  path: string,
): Json {
  const came = place.received;
  if (!came) throw new Error(`Nothing came at ${path}`);
  strand.clock = Math.max(strand.clock, came.at);
  if ('error' in came) throw new WorkflowFault({ ...came.error, path });
  return came.value;
}

/** How each kind of task runs. */
export const TASKS: { [K in TaskKind]: TaskRunner<Task & { kind: K }> } = {
  call,
  do: (run, { task }, input, frame, path) => run.list(task.do, input, frame, `${path}/do`),
  emit,
  for: loop,
  fork,
  listen,
  raise,
  run: runWorkflow,
  set,
  switch: choose,
  try: attempt,
  wait,
};
