import { recordEvent, type Bus } from '@mcp-router/platform';
import type { Batch } from './committer';
import type { RunRow } from './run-store';

const TOLD = {
  'run.started': 'run.started',
  'run.completed': 'run.completed',
  'run.faulted': 'run.faulted',
  'run.cancelled': 'run.cancelled',
  'run.retried': 'run.retried',
  'run.suspended': 'run.suspended',
  'run.resumed': 'run.resumed',
} as const;

/** Tells the monitor what was added to the history of a run. Data of the run is not part of it. */
export function recordRun(bus: Bus, row: RunRow, { events, projection }: Batch): void {
  const workflow = `${row.namespace}/${row.name}`;
  const about = { subject: row.id, actor: row.principal.agent };
  for (const event of events) {
    if (event.type === 'approval.requested')
      recordEvent(bus, 'approval.requested', { ...about, data: { workflow, path: event.path } });
    else if (event.type in TOLD) {
      const { type, status } = event.type === 'run.faulted' ? event.data.error : {};
      const error = type === undefined ? {} : { error: { type, status } };
      recordEvent(bus, TOLD[event.type as keyof typeof TOLD], {
        ...about,
        data: { workflow, version: row.version, ...error },
      });
    }
  }
  if (projection?.state === 'needs_attention')
    recordEvent(bus, 'run.needsAttention', { ...about, data: { workflow, version: row.version } });
}
