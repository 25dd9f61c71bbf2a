import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiHeader, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Bus } from '@mcp-router/platform';
import {
  controlRun,
  decideRun,
  EffectDecision,
  getRun,
  listRuns,
  readRunEvents,
  Run,
  RunDetail,
  type Page,
} from '@mcp-router/shared';
import type { FastifyReply } from 'fastify';
import { Observable } from 'rxjs';
import { z } from 'zod';
import { sendEvents, type StreamEvent } from '../http/event-stream';

type RunsQuery = z.output<typeof listRuns.input>;

const EVENTS_WAIT_MS = 20_000;
const Follow = z.object({ after: z.coerce.number().int().min(0).optional() });

/** Runs of workflows. Members see those that they started. */
@ApiTags('workflows')
@Controller('api/v1/runs')
export class RunsController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @ApiResponse({ status: 200, standardSchema: listRuns.output })
  list(@Query({ schema: listRuns.input }) query: RunsQuery): Promise<Page<Run>> {
    return this.bus.call(listRuns, query);
  }

  /** One run with each of its tasks. */
  @Get(':run')
  @ApiResponse({ status: 200, standardSchema: RunDetail })
  get(@Param('run') run: string): Promise<RunDetail> {
    return this.bus.call(getRun, { run });
  }

  /** The history as an event stream, from the beginning or after `Last-Event-ID`, until the run ends. */
  @Get(':run/events')
  @ApiHeader({ name: 'Last-Event-ID', required: false })
  events(
    @Param('run') run: string,
    @Query({ schema: Follow }) { after }: z.output<typeof Follow>,
    @Headers('last-event-id') lastId: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const from = after ?? (lastId !== undefined && /^\d{1,9}$/.test(lastId) ? Number(lastId) : 0);
    return sendEvents(reply, this.follow(run, from));
  }

  @Post(':run/cancel')
  @HttpCode(202)
  @ApiResponse({ status: 202, standardSchema: Run })
  cancel(@Param('run') run: string): Promise<Run> {
    return this.bus.call(controlRun, { run, action: 'cancel' });
  }

  /** Lets what is in flight end and begins nothing new. */
  @Post(':run/suspend')
  @HttpCode(202)
  @ApiResponse({ status: 202, standardSchema: Run })
  suspend(@Param('run') run: string): Promise<Run> {
    return this.bus.call(controlRun, { run, action: 'suspend' });
  }

  @Post(':run/resume')
  @HttpCode(202)
  @ApiResponse({ status: 202, standardSchema: Run })
  resume(@Param('run') run: string): Promise<Run> {
    return this.bus.call(controlRun, { run, action: 'resume' });
  }

  /** A faulted run goes on at the task that failed. */
  @Post(':run/retry')
  @HttpCode(202)
  @ApiResponse({ status: 202, standardSchema: Run })
  retry(@Param('run') run: string): Promise<Run> {
    return this.bus.call(controlRun, { run, action: 'retry' });
  }

  /** Says what is to be done about an effect of which nobody knows whether it happened. */
  @Post(':run/decide')
  @HttpCode(202)
  @ApiResponse({ status: 202, standardSchema: Run })
  decide(
    @Param('run') run: string,
    @Body({ schema: EffectDecision }) decision: z.output<typeof EffectDecision>,
  ): Promise<Run> {
    return this.bus.call(decideRun, { run, ...decision });
  }

  private follow(run: string, from: number): Observable<StreamEvent> {
    return new Observable((subscriber) => {
      const left = new AbortController();
      const read = async (): Promise<void> => {
        for (let after = from; !left.signal.aborted;) {
          const query = { run, after, waitMs: EVENTS_WAIT_MS };
          const { items, isEnded } = await this.bus.call(readRunEvents, query, { signal: left.signal });
          for (const event of items) subscriber.next({ event: event.type, id: String(event.seq), data: event });
          after = items.at(-1)?.seq ?? after;
          if (isEnded) break;
        }
        subscriber.complete();
      };
      read().catch((error: unknown) => subscriber.error(error));
      return () => left.abort();
    });
  }
}
