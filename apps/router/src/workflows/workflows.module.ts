import { Module } from '@nestjs/common';
import { CallRecorder } from '../calls/call-recorder';
import { ToolsService } from '../tools/tools.service';
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
import { VersionStore } from './version-store';
import { WorkflowsHandler } from './workflows.handler';
import { WorkflowsService } from './workflows.service';

/** Durable workflows over the tools of the catalogue. */
@Module({
  imports: [UpstreamsModule],
  controllers: [WorkflowsHandler, RunsHandler, ApprovalsHandler],
  providers: [
    ApprovalsService,
    CallRecorder,
    Committer,
    Performer,
    RunEngine,
    RunsService,
    RunStore,
    ToolsService,
    VersionStore,
    Waker,
    WorkflowsService,
  ],
})
export class WorkflowsModule {}
