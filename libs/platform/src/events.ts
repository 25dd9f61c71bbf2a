import { eventRecorded, type RecordedEvent } from '@mcp-router/shared';
import { v7 as uuid } from 'uuid';
import type { Bus } from './bus/bus';
import { currentContext } from './bus/context';

/**
 * Tells the monitor what happened, without waiting. The caller of the current request is the actor.
 *
 * @param type `topic.pastTense`, for example `server.added`
 */
export function recordEvent(
  bus: Bus,
  type: RecordedEvent['type'],
  event: Omit<RecordedEvent, 'id' | 'at' | 'type'> = {},
): void {
  const actor = currentContext()?.principal?.agent;
  bus.record(eventRecorded, {
    id: uuid(),
    at: new Date().toISOString(),
    type,
    ...(actor === undefined ? {} : { actor }),
    ...event,
  });
}
