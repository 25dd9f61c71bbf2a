import { Inject, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { Bus, LOGGER } from '@mcp-router/platform';
import { workflowPublished } from '@mcp-router/shared';
import type { Logger } from 'pino';
import { CallRecorder } from '../calls/call-recorder';
import { Catalogue } from '../catalogue/catalogue';
import { QuarantineModule } from '../quarantine/quarantine.module';
import { SecretStore } from '../secrets/secret-store';
import { SecretsHandler } from '../secrets/secrets.handler';
import { ToolsService } from '../tools/tools.service';
import { UpstreamRegistry } from '../upstreams/upstream-registry';
import { UpstreamsModule } from '../upstreams/upstreams.module';
import { ApprovalsHandler } from './approvals.handler';
import { ApprovalsService } from './approvals.service';
import { Committer } from './engine/committer';
import { RunEngine } from './engine/run-engine';
import { RunStore } from './engine/run-store';
import { Waker } from './engine/waker';
import { Performer } from './functions/performer';
import { RunsHandler } from './runs.handler';
import { RunsService } from './runs.service';
import { EventBoard } from './schedules/event-board';
import { ScheduleStore } from './schedules/schedule-store';
import { SchedulesHandler } from './schedules/schedules.handler';
import { Scheduler } from './schedules/scheduler';
import { VersionStore } from './version-store';
import { WorkflowUpstream } from './workflow-upstream';
import { WorkflowsHandler } from './workflows.handler';
import { WorkflowsService } from './workflows.service';

/** After a change of the catalogue, which seldom comes alone. */
const RECONSIDER_MS = 500;

/** Durable workflows over the tools of the catalogue. */
@Module({
  imports: [UpstreamsModule, QuarantineModule],
  controllers: [WorkflowsHandler, RunsHandler, ApprovalsHandler, SecretsHandler, SchedulesHandler],
  providers: [
    ApprovalsService,
    CallRecorder,
    Committer,
    Performer,
    RunEngine,
    RunsService,
    RunStore,
    EventBoard,
    Scheduler,
    ScheduleStore,
    SecretStore,
    ToolsService,
    VersionStore,
    Waker,
    WorkflowsService,
  ],
})
export class WorkflowsModule implements OnApplicationBootstrap {
  constructor(
    private readonly bus: Bus,
    private readonly versions: VersionStore,
    private readonly registry: UpstreamRegistry,
    private readonly catalogue: Catalogue,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Where nothing is published there is no server `workflow` either. */
  async onApplicationBootstrap(): Promise<void> {
    const upstream = new WorkflowUpstream(this.bus, this.versions, this.catalogue);
    const offer = () => {
      if (this.registry.get(upstream.slug) === upstream) upstream.changed();
      else if (!this.registry.get(upstream.slug)) this.registry.addBuiltin(upstream);
    };
    this.bus.listen(workflowPublished, offer);
    let soon: NodeJS.Timeout | undefined;
    this.catalogue.onChange((slug) => {
      if (slug === upstream.slug) return;
      clearTimeout(soon);
      soon = setTimeout(() => {
        upstream.reconsider().catch((error: unknown) => this.logger.debug({ err: error }, 'tools of workflows'));
      }, RECONSIDER_MS).unref();
    });
    if ((await this.versions.list()).some(({ status }) => status === 'published')) offer();
  }
}
