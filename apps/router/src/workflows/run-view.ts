import type { Run, RunDetail, RunEvent as RunEventView, RunTask } from '@mcp-router/shared';
import { publicError, SENSITIVE, type RunEvent } from './engine/event';
import { isObject, textOf } from './definition/json';
import type { RunRow } from './engine/run-store';

export function toRun(row: RunRow): Run {
  return {
    id: row.id,
    namespace: row.namespace,
    name: row.name,
    version: row.version,
    state: row.state,
    startedBy: row.principal.agent,
    input: row.input,
    output: row.output,
    error: row.error && publicError(row.error),
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    endedAt: row.ended_at?.toISOString() ?? null,
    nextWakeAt: row.ended_at ? null : (row.next_wake_at?.toISOString() ?? null),
  };
}

/** A run with its tasks, in the order they began. */
export function toDetail(row: RunRow, events: readonly RunEvent[]): RunDetail {
  const tasks = new Map<string, RunTask>();
  const isStopped = row.state === 'needs_attention';
  const hidden = new Set<string>();
  const unsafe = new Set<string>();
  const iso = (ms: number) => new Date(ms).toISOString();
  for (const event of events) {
    const task = 'path' in event ? tasks.get(event.path) : undefined;
    switch (event.type) {
      case 'effect.scheduled': {
        const { kind, pointer, attempt, input, sensitive, isSafe } = event.data;
        if (sensitive) hidden.add(event.path);
        if (!isSafe) unsafe.add(event.path);
        tasks.set(event.path, {
          path: event.path,
          pointer,
          kind,
          state: 'running',
          attempt,
          startedAt: iso(event.at),
          endedAt: null,
          input: sensitive ? SENSITIVE : input,
          output: null,
          error: null,
        });
        break;
      }
      case 'effect.completed':
        if (task)
          Object.assign(task, {
            state: 'completed',
            endedAt: iso(event.at),
            output: hidden.has(event.path) ? SENSITIVE : event.data.output,
          });
        break;
      case 'effect.faulted':
        if (task)
          Object.assign(task, { state: 'faulted', endedAt: iso(event.at), error: publicError(event.data.error) });
        break;
      case 'approval.requested':
        tasks.set(event.path, {
          path: event.path,
          pointer: textOf(event.data['pointer']),
          kind: 'approve',
          state: 'waiting',
          attempt: 1,
          startedAt: iso(event.at),
          endedAt: null,
          input: event.data['sensitive'] === true ? SENSITIVE : event.data,
          output: null,
          error: null,
        });
        break;
      case 'input.received':
        if (task)
          Object.assign(task, {
            endedAt: iso(event.at),
            ...('error' in event.data
              ? { state: 'faulted', error: publicError(event.data.error) }
              : { state: 'completed', output: event.data.sensitive ? SENSITIVE : event.data.value }),
          });
        break;
      case 'task.finished':
        tasks.set(event.path, {
          path: event.path,
          pointer: event.data.pointer,
          kind: event.data.kind,
          state: 'completed',
          attempt: 1,
          startedAt: iso(event.data.startedAt),
          endedAt: iso(event.at),
          input: event.data.input,
          output: event.data.output,
          error: null,
        });
        break;
      default:
      // Says nothing of a task.
    }
  }
  const all = [...tasks.values()];
  const open = isStopped ? all.filter(({ state, path }) => state === 'running' && unsafe.has(path)) : [];
  for (const task of open) task.state = 'needs_attention';
  return {
    ...toRun(row),
    tasks: all,
    uncertain: open.map(({ path, pointer, kind, input }) => ({
      path,
      pointer,
      kind,
      input,
      hint: `Look whether \`${kind}\` happened, then decide: retry, complete (with its output) or fail`,
    })),
  };
}

/** An event as callers see it; what is sensitive is left out. */
export function toEventView(event: RunEvent): RunEventView {
  const data: unknown = 'data' in event ? event.data : null;
  return {
    seq: event.seq,
    at: new Date(event.at).toISOString(),
    type: event.type,
    ...('path' in event ? { path: event.path } : {}),
    data: withoutPaths(withoutSensitive(data)),
  };
}

const DATA = ['input', 'output', 'value', 'context', 'message'];

function withoutSensitive(data: unknown): unknown {
  if (!isObject(data) || data['sensitive'] !== true) return data;
  return Object.fromEntries(
    Object.entries(data).map(([name, value]) => [name, DATA.includes(name) ? SENSITIVE : value]),
  );
}

/** Where in the history an error came up is of no use to callers. */
function withoutPaths(data: unknown): unknown {
  if (!isObject(data) || !isObject(data['error'])) return data;
  const { path: _path, ...error } = data['error'];
  return { ...data, error };
}
