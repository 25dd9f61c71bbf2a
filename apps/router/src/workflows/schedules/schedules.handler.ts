import { Controller } from '@nestjs/common';
import { Bus, Handles, recordEvent } from '@mcp-router/platform';
import { AppError, getSchedule, publishCloudEvents, setSchedule, type WorkflowSchedule } from '@mcp-router/shared';
import type { z } from 'zod';
import type { JsonObject } from '../definition/json';
import { VersionStore } from '../version-store';
import { EventBoard } from './event-board';
import { nextTime } from './next-time';
import { ScheduleStore, type ScheduleRow } from './schedule-store';

type Input<C extends { input: z.ZodType }> = z.output<C['input']>;

@Controller()
export class SchedulesHandler {
  constructor(
    private readonly schedules: ScheduleStore,
    private readonly versions: VersionStore,
    private readonly board: EventBoard,
    private readonly bus: Bus,
  ) {}

  @Handles(getSchedule)
  async get({ namespace, name }: Input<typeof getSchedule>): Promise<WorkflowSchedule> {
    return toView(await this.find(namespace, name));
  }

  /** What would have started while it was off does not start later. */
  @Handles(setSchedule)
  async set({ namespace, name, enabled }: Input<typeof setSchedule>): Promise<WorkflowSchedule> {
    const row = await this.find(namespace, name);
    if (row.is_enabled === enabled) return toView(row);
    const { schedule } = await this.versions.workflow(row.version_id);
    await this.schedules.enable(row, enabled, schedule ? nextTime(schedule, row.now, row.since) : null);
    recordEvent(this.bus, enabled ? 'configuration.scheduleEnabled' : 'configuration.scheduleDisabled', {
      subject: `${namespace}/${name}`,
    });
    return toView(await this.find(namespace, name));
  }

  @Handles(publishCloudEvents)
  async publish({ events }: Input<typeof publishCloudEvents>): Promise<z.output<typeof publishCloudEvents.output>> {
    const items = [];
    for (const event of events) {
      const { isNew, started } = await this.board.publish(event as JsonObject);
      items.push({ source: event.source, id: event.id, isNew, started });
    }
    return { items };
  }

  private async find(namespace: string, name: string): Promise<ScheduleRow> {
    const row = await this.schedules.find(namespace, name);
    if (row) return row;
    throw new AppError('not_found', `${namespace}/${name} has no schedule`, {
      hint: 'Publish a version with `schedule`',
    });
  }
}

function toView(row: ScheduleRow): WorkflowSchedule {
  return {
    namespace: row.namespace,
    name: row.name,
    kind: row.kind,
    enabled: row.is_enabled,
    nextAt: row.is_enabled ? (row.next_at?.toISOString() ?? null) : null,
    lastRun: row.last_run,
    runsAs: row.principal.agent,
  };
}
