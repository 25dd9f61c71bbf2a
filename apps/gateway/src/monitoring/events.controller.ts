import { Controller, Get, Headers, Inject, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Bus, ENV } from '@mcp-router/platform';
import {
  ADMIN_TOPICS,
  AppError,
  EventTopic,
  listEvents,
  readEvents,
  type MonitorEvent,
  type Page,
  type Principal,
} from '@mcp-router/shared';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { GatewayEnv } from '../config';
import { Caller } from '../http/request-context';
import { EventClient } from './event-client';
import { EventFeed } from './event-feed';

const MAX_CLIENTS = 100;
const PAGE = 500;

const Topics = z
  .string()
  .transform((list) => list.split(',').filter(Boolean))
  .pipe(z.array(EventTopic))
  .transform((topics) => (topics.length > 0 ? topics : undefined))
  .optional()
  .meta({ description: `Separated by commas: ${EventTopic.options.join(', ')}` });

/** A filter that is misspelt would let everything through: it is refused. */
const EventsParams = listEvents.input.omit({ topics: true }).extend({ topic: Topics }).strict();
type EventsParams = z.output<typeof EventsParams>;
const StreamParams = z.strictObject({
  topic: Topics,
  after: z.coerce.number().int().min(0).optional().meta({ description: 'As the header Last-Event-ID' }),
});
type StreamParams = z.output<typeof StreamParams>;

/** What happened: servers, their health and catalogues, alerts; for administrators also flags, agents, keys, sources. */
@ApiTags('monitoring')
@Controller('api/v1')
export class EventsController {
  private clients = 0;

  constructor(
    private readonly bus: Bus,
    private readonly feed: EventFeed,
    @Inject(ENV) private readonly env: GatewayEnv,
  ) {}

  /** Newest first. */
  @Get('events')
  @ApiOperation({ summary: 'Events, newest first' })
  @ApiResponse({ status: 200, standardSchema: listEvents.output })
  list(
    @Query({ schema: EventsParams }) { topic, ...query }: EventsParams,
    @Caller() caller: Principal,
  ): Promise<Page<MonitorEvent>> {
    return this.bus.call(listEvents, { ...query, topics: readable(topic, caller) });
  }

  /**
   * Events as they happen (`text/event-stream`); with `Last-Event-ID` first those that came after it. A reader that is
   * too slow, or whose last event is older than what is kept, gets `gap`: the events between `after` and `until` are
   * in the list of events, if anywhere. So does one whose last event there never was: `after` is 0 then.
   */
  @Get('stream')
  @ApiOperation({ summary: 'Events as they happen (server-sent events); resumes after Last-Event-ID' })
  @ApiProduces('text/event-stream')
  async stream(
    @Query({ schema: StreamParams }) { topic, after }: StreamParams,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Caller() caller: Principal,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    if (this.clients >= MAX_CLIENTS)
      throw new AppError('limit_exceeded', `At most ${MAX_CLIENTS} clients follow events on one gateway`);
    const topics = readable(topic, caller);
    const resumeAt = lastEventId ? numberOf(lastEventId) : after;
    const waiting: MonitorEvent[][] = [];
    let deliver = (events: readonly MonitorEvent[]): void => void waiting.push([...events]);
    const subscription = this.feed.live.subscribe((events) => deliver(events));
    this.clients++;
    try {
      const position = await this.feed.position();
      const from = resumeAt ?? position;
      // Another gateway may have told more than this one has; nobody has told what is not there.
      const head = from > position ? (await this.bus.call(readEvents, {})).head : position;
      const isAhead = from > head;
      reply.hijack();
      const { raw } = reply;
      for (const [name, value] of Object.entries(reply.getHeaders()))
        if (value !== undefined) raw.setHeader(name, value);
      const wants = ({ topic: own }: MonitorEvent) => topics.includes(own as EventTopic);
      const client = new EventClient(
        raw,
        { maxBufferedBytes: this.env.MAX_BUFFERED_BYTES, heartbeatMs: this.env.KEEP_ALIVE_MS, wants },
        isAhead ? head : from,
      );
      if (isAhead) client.tellGap(0, head);
      if (from < position) await this.replay(client, from, topics, () => raw.destroyed);
      for (const events of waiting) client.send(events);
      deliver = (events) => client.send(events);
      subscription.add(() => raw.end());
      if (!raw.destroyed) await new Promise<void>((resolve) => raw.once('close', resolve));
    } finally {
      this.clients--;
      subscription.unsubscribe();
    }
  }

  private async replay(client: EventClient, from: number, topics: string[], isGone: () => boolean): Promise<void> {
    for (let after = from; !isGone();) {
      const { items, head, oldest } = await this.bus.call(readEvents, { after, topics, limit: PAGE });
      if (after === from && oldest !== null && oldest > from + 1) client.tellGap(from, oldest - 1);
      client.send(items);
      await client.drained();
      after = head;
      if (items.length < PAGE) return;
    }
  }
}

/** @throws AppError `invalid_request` */
function numberOf(lastEventId: string): number {
  if (/^\d{1,15}$/.test(lastEventId)) return Number(lastEventId);
  throw new AppError('invalid_request', 'Last-Event-ID is the number of an event', {
    hint: 'Send it as the stream sent it, or leave it out',
  });
}

/** The topics that are asked for and that the caller may read. */
function readable(topics: EventTopic[] = EventTopic.options, { role }: Principal): EventTopic[] {
  return role === 'admin' ? topics : topics.filter((topic) => !ADMIN_TOPICS.includes(topic));
}
