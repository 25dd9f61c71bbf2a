import { Controller } from '@nestjs/common';
import { Handles, type BusContext } from '@mcp-router/platform';
import {
  controlRun,
  decideRun,
  forkRun,
  getRun,
  listRuns,
  readRunEvents,
  startRun,
  SYSTEM_PRINCIPAL,
  type Page,
  type Run,
  type RunDetail,
  type RunEvent,
} from '@mcp-router/shared';
import type { z } from 'zod';
import { RunsService } from './runs.service';

type Input<C extends { input: z.ZodType }> = z.output<C['input']>;

@Controller()
export class RunsHandler {
  constructor(private readonly runs: RunsService) {}

  @Handles(startRun)
  start(request: Input<typeof startRun>, { principal, signal }: BusContext): Promise<Run & { isNew: boolean }> {
    return this.runs.start(request, principal ?? SYSTEM_PRINCIPAL, signal);
  }

  @Handles(listRuns)
  list(query: Input<typeof listRuns>, { principal }: BusContext): Promise<Page<Run>> {
    return this.runs.list(query, principal ?? SYSTEM_PRINCIPAL);
  }

  @Handles(getRun)
  get({ run }: Input<typeof getRun>, { principal }: BusContext): Promise<RunDetail> {
    return this.runs.detail(run, principal ?? SYSTEM_PRINCIPAL);
  }

  @Handles(readRunEvents)
  events(
    { run, ...query }: Input<typeof readRunEvents>,
    { principal, signal }: BusContext,
  ): Promise<{ items: RunEvent[]; isEnded: boolean }> {
    return this.runs.events(run, query, principal ?? SYSTEM_PRINCIPAL, signal);
  }

  @Handles(controlRun)
  control({ run, action }: Input<typeof controlRun>, { principal }: BusContext): Promise<Run> {
    return this.runs.control(run, action, principal ?? SYSTEM_PRINCIPAL);
  }

  @Handles(forkRun)
  fork({ run, ...fork }: Input<typeof forkRun>, { principal }: BusContext): Promise<Run & { isNew: boolean }> {
    return this.runs.fork(run, fork, principal ?? SYSTEM_PRINCIPAL);
  }

  @Handles(decideRun)
  decide({ run, ...decision }: Input<typeof decideRun>, { principal }: BusContext): Promise<Run> {
    return this.runs.decide(run, decision, principal ?? SYSTEM_PRINCIPAL);
  }
}
