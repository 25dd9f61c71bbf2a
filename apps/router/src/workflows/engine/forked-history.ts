import type { Json } from '../definition/json';
import type { EventBody, RunEvent } from './event';

/** What came of control over the first run is not part of another one's history. */
const CONTROL = new Set<EventBody['type']>([
  'run.suspended',
  'run.resumed',
  'run.cancelling',
  'run.completed',
  'run.faulted',
  'run.cancelled',
]);

/** Effects that are parts of a task: turns of an agent, the document of an operation, the end of a run. */
const PART = /\/(?:turn@\d+(?:\/\d+)?|operation|result|event@\d+)$/;

/**
 * The history that a run has in common with one that goes another way from a task on. Times are moved so that the last
 * of it is now: what was waited for stays as long as it was.
 *
 * @param task its path in the run, or its pointer in the definition: the first time that it ran
 * @returns undefined when the run never came to the task
 */
export function forkedHistory(
  events: readonly RunEvent[],
  task: string,
  change: { from: string; input?: Json },
  now: number,
): RunEvent[] | undefined {
  const path = pathOf(events, task);
  if (path === undefined) return undefined;
  const cut = events.findIndex((event) => 'path' in event && isInside(event.path, path));
  const before = events.slice(0, cut).filter((event) => !CONTROL.has(event.type));
  const answered = new Set(before.flatMap((event) => (event.type === 'input.received' ? [event.path] : [])));
  // A question that is open is asked again, by the new run.
  const kept = before.filter((event) => event.type !== 'approval.requested' || answered.has(event.path));
  const shift = now - (kept.at(-1)?.at ?? now);
  const history = kept.map((event, index): RunEvent => ({ ...event, seq: index + 1, at: event.at + shift }));
  return [...history, { type: 'run.forked', data: { ...change, path }, seq: history.length + 1, at: now }];
}

function pathOf(events: readonly RunEvent[], task: string): string | undefined {
  for (const event of events) {
    if (!('path' in event)) continue;
    const path = event.path.replace(PART, '');
    if (isInside(event.path, task)) return task;
    const { data } = event;
    if ('pointer' in data && data.pointer === task) return path;
  }
  return undefined;
}

function isInside(path: string, task: string): boolean {
  return path === task || path.startsWith(`${task}/`);
}
