import { isFeatureEnabled, metrics } from '@mcp-router/platform';
import type { RunEvent } from './event';
import type { Effect } from './host';
import type { RunRow } from './run-store';

const OUTCOMES: Partial<Record<RunEvent['type'], string>> = {
  'run.completed': 'completed',
  'run.faulted': 'faulted',
  'run.cancelled': 'cancelled',
};

const LABELS = ['workflow', 'outcome'];
const started = metrics.counter('mcp_router_workflow_runs_started_total', 'Runs that began', ['workflow']);
const ended = metrics.counter('mcp_router_workflow_runs_total', 'Runs that ended', LABELS);
const duration = metrics.histogram(
  'mcp_router_workflow_run_duration_seconds',
  'Time from the start of a run to its end, waiting included',
  LABELS,
);
const tasks = metrics.histogram('mcp_router_workflow_task_duration_seconds', 'Time of the tasks of runs', [
  'workflow',
  'kind',
]);
const live = metrics.gauge('mcp_router_workflow_live_runs', 'Runs in the memory of this process').with();

/** Measures what was added to the history of a run: each event is stored once, by whichever process owns the run. */
export function measureRun({ namespace, name, created_at: createdAt }: RunRow, events: readonly RunEvent[]): void {
  if (!isFeatureEnabled('MONITORING')) return;
  const workflow = `${namespace}/${name}`;
  for (const event of events) {
    const outcome = OUTCOMES[event.type];
    if (event.type === 'run.started') started.with(workflow).add();
    else if (event.type === 'task.finished')
      tasks.with(workflow, event.data.kind).record((event.at - event.data.startedAt) / 1000);
    else if (outcome !== undefined) {
      ended.with(workflow, outcome).add();
      duration.with(workflow, outcome).record(Math.max(0, event.at - createdAt.getTime()) / 1000);
    }
  }
}

/** Measures one attempt of an effect, which is a task as callers see it. */
export async function measureEffect<T>(
  { namespace, name }: RunRow,
  { kind }: Effect,
  perform: () => Promise<T>,
): Promise<T> {
  const startedAt = performance.now();
  try {
    return await perform();
  } finally {
    if (isFeatureEnabled('MONITORING'))
      tasks.with(`${namespace}/${name}`, kind).record((performance.now() - startedAt) / 1000);
  }
}

/** @param count how many runs this process holds, whenever it is asked */
export function measureLiveRuns(count: () => number): void {
  metrics.onRead(() => live.set(count()));
}
