import { isObject, type Json, type JsonObject } from '../definition/json';
import { parseIsoDuration, DURATION_PARTS } from '../definition/duration';
import type { Task } from '../definition/workflow';
import type { WorkflowError } from './event';
import { WorkflowFault } from './fault';
import type { TaskRunner } from './interpreter';
import { received } from './tasks';

/** `call: approve`: asks a person and waits. The output is the answer. */
export const approveCall: TaskRunner<Task & { kind: 'call' }> = async (run, { task, pointer }, input, frame, path) => {
  const { strand } = frame;
  const { schema = null, ...others } = task.with;
  const args = (await run.resolve(others, frame, input)) as JsonObject;
  const timeoutMs = milliseconds(args['timeout']);
  const due = timeoutMs === undefined ? undefined : strand.clock + timeoutMs;
  const past = run.journal.at(path);
  const sensitive = frame.isSensitive === true;
  if (!past.isRequested) {
    const { message = '', assignees = [] } = args;
    const request = {
      pointer,
      message,
      assignees,
      schema,
      due: due ?? null,
      ...(sensitive ? { sensitive } : {}),
    };
    run.host.append({ type: 'approval.requested', path, data: request });
  }
  if (!past.received) {
    const timer = strand.open();
    const waits: Promise<unknown>[] = [run.agenda.wait(strand, { kind: 'approval', path, sensitive })];
    if (due !== undefined) waits.push(run.agenda.wait(timer, { kind: 'timer', due }).then(() => 'late'));
    const first = await Promise.race(waits);
    run.abandon(strand, timer);
    if (first === 'late')
      run.host.append({ type: 'input.received', path, data: onTimeout(args['onTimeout'], pointer) });
  }
  return { output: received(run.journal.at(path), frame, path) };
};

function onTimeout(choice: Json | undefined, instance: string): { value: Json } | { error: WorkflowError } {
  if (choice === 'approve') return { value: { approved: true } };
  return choice === 'reject'
    ? { error: rejection(instance, 'Nobody approved it in time') }
    : { error: WorkflowFault.of('timeout', 'Nobody decided in time', { instance }).error };
}

/** What a run gets when a person says no. */
export function rejection(instance: string, detail: string): WorkflowError {
  return WorkflowFault.of('authorization', detail, { instance }).error;
}

function milliseconds(value: Json | undefined): number | undefined {
  if (typeof value === 'string') return parseIsoDuration(value);
  if (!isObject(value)) return undefined;
  return Object.entries(value).reduce((sum, [part, count]) => sum + (DURATION_PARTS[part] ?? 0) * Number(count), 0);
}
