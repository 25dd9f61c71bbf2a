import { Module } from '@nestjs/common';
import { ENV, Outbound } from '@mcp-router/platform';
import { ApprovalService } from './candidates/approval.service';
import { CandidatesHandler } from './candidates/candidates.handler';
import { CandidatesStore } from './candidates/candidates.store';
import { Keeper } from './candidates/keeper';
import { Prober } from './candidates/prober';
import type { DiscoveryEnv } from './config';
import { HealthHandler } from './health/health.handler';
import { HealthSchedule } from './health/health.schedule';
import { HealthService } from './health/health.service';
import { HealthStore } from './health/health.store';
import { TrafficWatch } from './health/traffic-watch';
import { Leadership } from './leadership';
import { RegistrationsHandler } from './registrations/registrations.handler';
import { RegistrationsService } from './registrations/registrations.service';
import { SourcesHandler } from './sources/sources.handler';
import { SourcesService } from './sources/sources.service';
import { SourcesStore } from './sources/sources.store';

@Module({
  controllers: [CandidatesHandler, HealthHandler, RegistrationsHandler, SourcesHandler],
  providers: [
    ApprovalService,
    CandidatesStore,
    HealthSchedule,
    HealthService,
    HealthStore,
    Keeper,
    Leadership,
    Prober,
    RegistrationsService,
    SourcesService,
    SourcesStore,
    TrafficWatch,
    {
      provide: Outbound,
      inject: [ENV],
      useFactory: ({ OUTBOUND_ALLOW: allow }: DiscoveryEnv) => new Outbound({ allow }),
    },
  ],
})
export class AppModule {}
