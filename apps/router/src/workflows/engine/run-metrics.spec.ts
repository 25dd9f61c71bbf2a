import { metrics } from '@mcp-router/platform';
import type { RunEvent } from './event';
import { measureRun } from './run-metrics';
import type { RunRow } from './run-store';

const sampleOf = (name: string, ...labels: string[]) =>
  metrics
    .read()
    .find((metric) => metric.name === name)
    ?.samples.find((sample) => sample.labels.join() === labels.join());

it('runs are counted and timed by workflow and outcome, tasks by their kind', () => {
  const row = { namespace: 'shop', name: 'refund', created_at: new Date(1_000) } as RunRow;
  const task = { kind: 'call', pointer: '/do/0', startedAt: 1_500, input: null, output: null };
  const events: RunEvent[] = [
    { seq: 1, at: 1_000, type: 'run.started' },
    { seq: 2, at: 3_500, type: 'task.finished', path: '/do/0', data: task },
    { seq: 3, at: 5_000, type: 'run.completed', data: { output: null } },
  ];
  measureRun(row, events.slice(0, 2));
  expect(sampleOf('mcp_router_workflow_runs_total', 'shop/refund', 'completed')).toBeUndefined();
  measureRun(row, events.slice(2));
  expect(sampleOf('mcp_router_workflow_runs_started_total', 'shop/refund')?.value).toBe(1);
  expect(sampleOf('mcp_router_workflow_runs_total', 'shop/refund', 'completed')?.value).toBe(1);
  expect(sampleOf('mcp_router_workflow_run_duration_seconds', 'shop/refund', 'completed')?.histogram?.sum).toBe(4);
  expect(sampleOf('mcp_router_workflow_task_duration_seconds', 'shop/refund', 'call')?.histogram?.sum).toBe(2);
});
