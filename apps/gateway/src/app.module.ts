import { Module } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AccessGuard } from './access/access.guard';
import { AccessModule } from './access/access.module';
import { AgentEntity } from './access/agent.entity';
import { ApiKeyEntity } from './access/api-key.entity';
import { AnalysisModule } from './analysis/analysis.module';
import { CallsController } from './calls/calls.controller';
import {
  CandidatesController,
  DiscoverySourcesController,
  RegistrationsController,
} from './discovery/discovery.controller';
import { RegistryController } from './discovery/registry.controller';
import { ServerCardsController } from './discovery/server-cards.controller';
import { VisibleServers } from './discovery/visible-servers';
import { ServerHealthController } from './discovery/server-health.controller';
import { FlagOverrideEntity } from './flags/flag-override.entity';
import { FlagsController } from './flags/flags.controller';
import { FlagsHandler } from './flags/flags.handler';
import { FlagsService } from './flags/flags.service';
import { HealthController } from './health/health.controller';
import { DoorCloser } from './http/door-closer';
import { RequestContext } from './http/request-context';
import { IdempotentRequests } from './idempotency/idempotent-requests';
import { McpModule } from './mcp/mcp.module';
import { MetricQueriesController } from './metrics/metric-queries.controller';
import { MetricsController } from './metrics/metrics.controller';
import {
  AlertRulesController,
  AlertsController,
  NotifiersController,
  SilencesController,
} from './monitoring/alerts.controller';
import { EventFeed } from './monitoring/event-feed';
import { EventsController } from './monitoring/events.controller';
import { SystemController } from './monitoring/system.controller';
import { UptimeController } from './monitoring/uptime.controller';
import { SecretsController } from './secrets/secrets.controller';
import { ConfigurationController } from './servers/configuration.controller';
import { ServersController } from './servers/servers.controller';
import { SignInCallbackController, SignInController } from './servers/sign-in.controller';
import { ToolsController } from './tools/tools.controller';
import { VirtualServersController } from './virtual-servers/virtual-servers.controller';
import { ApprovalsController } from './workflows/approvals.controller';
import { CloudEventsController } from './workflows/cloud-events.controller';
import { RunsController } from './workflows/runs.controller';
import { WorkflowsController } from './workflows/workflows.controller';

export const ENTITIES = [AgentEntity, ApiKeyEntity, FlagOverrideEntity];

@Module({
  imports: [TypeOrmModule.forFeature([FlagOverrideEntity]), AccessModule, AnalysisModule, McpModule],
  controllers: [
    ApprovalsController,
    AlertRulesController,
    AlertsController,
    NotifiersController,
    SilencesController,
    CallsController,
    CandidatesController,
    ConfigurationController,
    DiscoverySourcesController,
    EventsController,
    RegistrationsController,
    RegistryController,
    SecretsController,
    CloudEventsController,
    ServerCardsController,
    VirtualServersController,
    FlagsController,
    FlagsHandler,
    HealthController,
    MetricQueriesController,
    MetricsController,
    ServerHealthController,
    RunsController,
    ServersController,
    SignInCallbackController,
    SignInController,
    SystemController,
    ToolsController,
    UptimeController,
    WorkflowsController,
  ],
  providers: [
    VisibleServers,
    DoorCloser,
    EventFeed,
    FlagsService,
    IdempotentRequests,
    { provide: APP_GUARD, useClass: AccessGuard },
    { provide: APP_INTERCEPTOR, useClass: RequestContext },
  ],
})
export class AppModule {}
