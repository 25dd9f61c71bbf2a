import type { DiscoveryEvent, RecordedEvent } from '@mcp-router/shared';

const TYPES: Record<DiscoveryEvent['type'], string> = {
  serverFound: 'candidate.found',
  serverMoved: 'candidate.moved',
  serverChanged: 'candidate.changed',
  serverLost: 'candidate.lost',
  serverRemoved: 'candidate.removed',
  serverApproved: 'candidate.approved',
  serverRejected: 'candidate.rejected',
  catalogueChanged: 'candidate.catalogueChanged',
  healthChanged: 'server.healthChanged',
  sourceFailed: 'source.failed',
  sourceRecovered: 'source.recovered',
};

/** What discovery tells, as an event like all others. */
export function fromDiscovery({ id, at, type, server, name, source, ...data }: DiscoveryEvent): RecordedEvent {
  const subject = type.startsWith('source') ? source : name;
  return {
    id,
    at,
    type: TYPES[type],
    ...(server === undefined ? {} : { server }),
    ...(subject === undefined ? {} : { subject }),
    data: { ...data, ...(source === undefined ? {} : { source }) },
  };
}
