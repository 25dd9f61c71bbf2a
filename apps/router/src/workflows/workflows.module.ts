import { Module, type OnApplicationBootstrap } from '@nestjs/common';
import { Bus } from '@mcp-router/platform';
import { workflowPublished } from '@mcp-router/shared';
import { CallRecorder } from '../calls/call-recorder';
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
  ) {}

  /** Where nothing is published there is no server `workflow` either. */
  async onApplicationBootstrap(): Promise<void> {
    const upstream = new WorkflowUpstream(this.bus, this.versions);
    const offer = () => {
      if (this.registry.get(upstream.slug) === upstream) upstream.changed();
      else if (!this.registry.get(upstream.slug)) this.registry.addBuiltin(upstream);
    };
    this.bus.listen(workflowPublished, offer);
    if ((await this.versions.list()).some(({ status }) => status === 'published')) offer();
  }
}
