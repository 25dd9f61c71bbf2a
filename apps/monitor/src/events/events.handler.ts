import { Controller } from '@nestjs/common';
import { Handles } from '@mcp-router/platform';
import { listEvents, readEvents, type EventsQuery, type MonitorEvent, type Page } from '@mcp-router/shared';
import type { z } from 'zod';
import { EventsService } from './events.service';

@Controller()
export class EventsHandler {
  constructor(private readonly events: EventsService) {}

  @Handles(listEvents)
  list(query: EventsQuery): Promise<Page<MonitorEvent>> {
    return this.events.list(query);
  }

  @Handles(readEvents)
  read(query: z.output<typeof readEvents.input>): Promise<z.output<typeof readEvents.output>> {
    return this.events.after(query);
  }
}
