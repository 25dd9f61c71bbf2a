import { z } from 'zod';
import { Instant } from '../instant';
import { PageQuery, pageOf } from '../page';
import { broadcast, contract, recordStream } from './contract';

/** What an event is about; the part of its type before the dot. */
export const EventTopic = z.enum([
  'server',
  'catalogue',
  'tool',
  'finding',
  'candidate',
  'source',
  'run',
  'approval',
  'alert',
  'notifier',
  'flag',
  'agent',
  'key',
  'configuration',
]);
export type EventTopic = z.infer<typeof EventTopic>;

/** Topics that only administrators may read. */
export const ADMIN_TOPICS: readonly EventTopic[] = [
  'finding',
  'candidate',
  'source',
  'flag',
  'agent',
  'key',
  'configuration',
  'notifier',
];

/** Something that happened. Written by any service, kept by the monitor. */
export const RecordedEvent = z.object({
  /** UUIDv7, made where the event is recorded: one that is delivered twice is stored once. */
  id: z.uuid(),
  at: z.iso.datetime(),
  /** `topic.pastTense`, for example `server.added`. */
  type: z.string().regex(/^[a-z]+\.[a-zA-Z]+$/),
  /** Slug of the server that it is about. */
  server: z.string().optional(),
  /** What else it is about: the name of a flag, an agent, a tool, a rule; the id of a run. */
  subject: z.string().optional(),
  /** The agent that did it. */
  actor: z.string().optional(),
  data: z.record(z.string(), z.unknown()).optional(),
});
export type RecordedEvent = z.infer<typeof RecordedEvent>;

export const eventRecorded = recordStream('monitor.eventRecorded', RecordedEvent);

/** A kept event. `seq` grows in the order in which events became readable. */
export const MonitorEvent = RecordedEvent.extend({ seq: z.int(), topic: z.string() }).meta({ id: 'MonitorEvent' });
export type MonitorEvent = z.infer<typeof MonitorEvent>;

const Topics = z.array(z.string().max(32)).max(EventTopic.options.length);

/** Newest first. */
export const listEvents = contract('monitor.listEvents', {
  input: PageQuery.extend({
    topics: Topics.optional(),
    type: z.string().max(64).optional(),
    server: z.string().max(64).optional(),
    subject: z.string().max(256).optional(),
    actor: z.string().max(64).optional(),
    from: Instant.optional(),
    to: Instant.optional(),
  }),
  output: pageOf(MonitorEvent),
});
export type EventsQuery = z.output<typeof listEvents.input>;

/** What came after `after`, oldest first; without it only where the events end now. */
export const readEvents = contract('monitor.readEvents', {
  input: z.object({
    after: z.int().min(0).optional(),
    topics: Topics.optional(),
    limit: z.int().min(1).max(1000).default(500),
  }),
  output: z.object({
    items: z.array(MonitorEvent),
    /** Everything up to here was read. */
    head: z.int(),
    /** Where the kept events begin; null when none is kept. */
    oldest: z.int().nullable(),
  }),
});

/**
 * Events were kept: those after `previous` up to `head`. `items` is empty when they are too large to be told; who was at
 * another place than `previous` missed some. Both then read them.
 */
export const eventsKept = broadcast(
  'monitor.eventsKept',
  z.object({ previous: z.int(), head: z.int(), items: z.array(MonitorEvent) }),
);
