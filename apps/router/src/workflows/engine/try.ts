import { createHash } from 'node:crypto';
import type { Json } from '../definition/json';
import type { CatchClause, RetryPolicy, Task } from '../definition/workflow';
import { errorValue, type Frame, type Interpreter, type Result, type TaskRunner } from './interpreter';
import { errorType, WorkflowFault } from './fault';

/** `try`: runs its tasks, again after a while when the policy says so, and hands a fault that stays to `catch`. */
export const attempt: TaskRunner<Task & { kind: 'try' }> = async (run, { task, pointer }, input, frame, path) => {
  const { strand } = frame;
  const startedAt = strand.clock;
  const clause = task.catch;
  for (let count = 1; ; count++) {
    try {
      return await once(run, task, input, frame, `${path}/try@${count}`, pointer);
    } catch (thrown) {
      const fault = WorkflowFault.from(thrown, pointer);
      const error = errorValue(fault);
      const inside = { ...frame, variables: { ...frame.variables, [clause.as]: error } };
      if (!(await catches(run, clause, error, inside, input))) throw fault;
      const due = await retryAt(run, clause, { count, startedAt, path }, inside, input);
      if (due === undefined) {
        if (!clause.do) return { output: input };
        return run.list(clause.do, input, inside, `${path}/catch`);
      }
      await run.agenda.wait(strand, { kind: 'timer', due });
      strand.clock = Math.max(strand.clock, due);
    }
  }
};

async function once(
  run: Interpreter,
  task: Task & { kind: 'try' },
  input: Json,
  frame: Frame,
  path: string,
  pointer: string,
): Promise<Result> {
  const limit = policyOf(run, task.catch)?.limit.attemptDuration;
  if (!limit) return run.list(task.try, input, frame, path);
  const ms = await run.duration(limit, frame, input);
  return run.within(ms, frame.strand, path, pointer, (strand) => run.list(task.try, input, { ...frame, strand }, path));
}

async function catches(
  run: Interpreter,
  { filter, when, exceptWhen }: CatchClause,
  error: Record<string, Json>,
  frame: Frame,
  input: Json,
): Promise<boolean> {
  for (const [name, wanted] of Object.entries(filter ?? {})) {
    const value = name === 'details' ? (error['details'] ?? error['detail']) : error[name];
    const expected = await run.resolve(wanted, frame, input);
    const isText = typeof value === 'string' && typeof expected === 'string';
    const isSame = name === 'type' && isText ? errorType(value) === errorType(expected) : value === expected;
    if (!isSame) return false;
  }
  if (when !== undefined && !(await run.test(when, frame, input))) return false;
  return exceptWhen === undefined || !(await run.test(exceptWhen, frame, input));
}

function policyOf(run: Interpreter, { retry }: CatchClause): RetryPolicy | undefined {
  if (typeof retry !== 'string') return retry;
  const policy = run.workflow.use.retries[retry];
  if (!policy) throw WorkflowFault.of('configuration', `There is no retry policy \`${retry}\``);
  return policy;
}

/** When the next attempt begins; undefined when there is none. */
async function retryAt(
  run: Interpreter,
  clause: CatchClause,
  { count, startedAt, path }: { count: number; startedAt: number; path: string },
  frame: Frame,
  input: Json,
): Promise<number | undefined> {
  const policy = policyOf(run, clause);
  if (!policy) return undefined;
  const { limit, delay, backoff, jitter } = policy;
  if (limit.attempts !== undefined && count > limit.attempts) return undefined;
  if (count > run.limits.maxIterations) return undefined;
  if (policy.when !== undefined && !(await run.test(policy.when, frame, input))) return undefined;
  if (policy.exceptWhen !== undefined && (await run.test(policy.exceptWhen, frame, input))) return undefined;
  const base = delay ? await run.duration(delay, frame, input) : 0;
  const factor = backoff === 'exponential' ? 2 ** (count - 1) : backoff === 'linear' ? count : 1;
  let ms = base * factor;
  if (jitter) {
    const [from, to] = [await run.duration(jitter.from, frame, input), await run.duration(jitter.to, frame, input)];
    ms += from + (to - from) * chance(`${run.facts.id}:${path}:${count}`);
  }
  const due = frame.strand.clock + Math.round(ms);
  if (limit.duration && due > startedAt + (await run.duration(limit.duration, frame, input))) return undefined;
  return due;
}

/** From 0 to 1, the same whenever it is asked: a run that is replayed waits as long as it did. */
function chance(seed: string): number {
  return createHash('sha256').update(seed).digest().readUInt32BE(0) / 2 ** 32;
}
