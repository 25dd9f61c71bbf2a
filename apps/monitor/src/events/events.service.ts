import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { Bus, ENV, LOGGER, type Stop } from '@mcp-router/platform';
import {
  discoveryChanged,
  eventRecorded,
  eventsKept,
  type EventsQuery,
  type MonitorEvent,
  type Page,
  type readEvents,
  type RecordedEvent,
} from '@mcp-router/shared';
import type { Logger } from 'pino';
import type { z } from 'zod';
import type { MonitorEnv } from '../config';
import { Upkeep } from '../storage/upkeep';
import { fromDiscovery } from './discovery-events';
import { EventsStore, type Kept } from './events.store';

/** What is larger is not told but read. */
const MAX_TOLD_CHARACTERS = 200_000;

type EventsAfter = z.output<typeof readEvents.output>;

/** Keeps what services record as events, and tells gateways that there are new ones. */
@Injectable()
export class EventsService implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  private readonly stops: Stop[] = [];
  private readonly upkeep: Upkeep;

  constructor(
    private readonly bus: Bus,
    private readonly store: EventsStore,
    @Inject(ENV) private readonly env: MonitorEnv,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.upkeep = new Upkeep('the events', () => this.store.maintain(this.env.EVENT_RETENTION_DAYS), logger);
  }

  async onModuleInit(): Promise<void> {
    await this.upkeep.start();
  }

  onApplicationBootstrap(): void {
    this.stops.push(
      this.bus.consume(eventRecorded, 'monitor', (entries) => this.keep(entries.map(({ payload }) => payload))),
      this.bus.consume(discoveryChanged, 'monitor', (entries) =>
        this.keep(entries.map(({ payload }) => fromDiscovery(payload))),
      ),
    );
  }

  async onApplicationShutdown(): Promise<void> {
    this.upkeep.stop();
    await Promise.all(this.stops.map((stop) => stop()));
  }

  /** Appends events and tells who follows them. */
  async keep(events: readonly RecordedEvent[]): Promise<void> {
    if (events.length === 0) return;
    const kept = await this.store.append(events);
    await this.bus.broadcast(eventsKept, told(kept)).catch((err: unknown) => {
      this.logger.debug({ err }, 'followers of the events find these at their next look');
    });
  }

  list(query: EventsQuery): Promise<Page<MonitorEvent>> {
    return this.store.list(query);
  }

  /** What came after `after`, oldest first. */
  async after({ after, topics, limit }: z.output<typeof readEvents.input>): Promise<EventsAfter> {
    const { head, oldest } = await this.store.bounds();
    if (after === undefined) return { items: [], head, oldest };
    const items = await this.store.between(after, head, topics, limit);
    return { items, head: items.length < limit ? head : (items.at(-1)?.seq ?? head), oldest };
  }
}

function told(kept: Kept): Kept {
  const isLarge = JSON.stringify(kept.items).length > MAX_TOLD_CHARACTERS;
  return isLarge ? { ...kept, items: [] } : kept;
}
