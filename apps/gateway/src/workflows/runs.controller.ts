import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Bus } from '@mcp-router/platform';
import {
  controlRun,
  decideRun,
  EffectDecision,
  forkRun,
  getRun,
  listRuns,
  readRunEvents,
  Run,
  RunDetail,
  RunFork,
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
  @ApiOperation({ summary: 'Runs, the newest first' })
  @ApiResponse({ status: 200, standardSchema: listRuns.output })
  list(@Query({ schema: listRuns.input }) query: RunsQuery): Promise<Page<Run>> {
    return this.bus.call(listRuns, query);
  }

  /** One run with each of its tasks. */
  @Get(':run')
  @ApiOperation({ summary: 'A run with each of its tasks' })
  @ApiResponse({ status: 200, standardSchema: RunDetail })
  get(@Param('run') run: string): Promise<RunDetail> {
    return this.bus.call(getRun, { run });
  }

  /** The history as an event stream, from the beginning or after `Last-Event-ID`, until the run ends. */
  @Get(':run/events')
  @ApiOperation({ summary: 'The history of a run as an event stream, to its end' })
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
  @ApiOperation({ summary: 'Cancels a run, and the runs that it started' })
  @HttpCode(202)
  @ApiResponse({ status: 202, standardSchema: Run })
  cancel(@Param('run') run: string): Promise<Run> {
    return this.bus.call(controlRun, { run, action: 'cancel' });
  }

  /** Lets what is in flight end and begins nothing new. */
  @Post(':run/suspend')
  @ApiOperation({ summary: 'Lets what is in flight end and begins nothing new' })
  @HttpCode(202)
  @ApiResponse({ status: 202, standardSchema: Run })
  suspend(@Param('run') run: string): Promise<Run> {
    return this.bus.call(controlRun, { run, action: 'suspend' });
  }

  @Post(':run/resume')
  @ApiOperation({ summary: 'Goes on with a suspended run' })
  @HttpCode(202)
  @ApiResponse({ status: 202, standardSchema: Run })
  resume(@Param('run') run: string): Promise<Run> {
    return this.bus.call(controlRun, { run, action: 'resume' });
  }

  /** A faulted run goes on at the task that failed. */
  @Post(':run/retry')
  @ApiOperation({ summary: 'Goes on with a faulted run at the task that failed' })
  @HttpCode(202)
  @ApiResponse({ status: 202, standardSchema: Run })
  retry(@Param('run') run: string): Promise<Run> {
    return this.bus.call(controlRun, { run, action: 'retry' });
  }

  /** Another run, with the history of this one up to a task and, if given, another input for that task. */
  @Post(':run/fork')
  @ApiOperation({ summary: 'Another run that goes its own way from a task on, with another input' })
  @ApiHeader({ name: 'Idempotency-Key', required: false, description: 'The same key gives the same run' })
  @ApiResponse({ status: 201, standardSchema: Run })
  async fork(
    @Param('run') run: string,
    @Body({ schema: RunFork }) fork: z.output<typeof RunFork>,
    @Headers('idempotency-key') idempotencyKey: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Run> {
    const key = idempotencyKey === undefined ? {} : { idempotencyKey };
    const { isNew, ...forked } = await this.bus.call(forkRun, { run, ...fork, ...key });
    void reply.status(isNew ? 201 : 200).header('Location', `/api/v1/runs/${forked.id}`);
    return forked;
  }

  /** Says what is to be done about an effect of which nobody knows whether it happened. */
  @Post(':run/decide')
  @ApiOperation({ summary: 'Says what is to be done about an effect of which nobody knows whether it happened' })
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
