import { Module } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AccessGuard } from './access/access.guard';
import { AccessService } from './access/access.service';
import { AgentEntity } from './access/agent.entity';
import { AgentsController, KeysController } from './access/agents.controller';
import { AgentsService } from './access/agents.service';
import { ApiKeyEntity } from './access/api-key.entity';
import { CallsController } from './calls/calls.controller';
import { FlagOverrideEntity } from './flags/flag-override.entity';
import { FlagsController } from './flags/flags.controller';
import { FlagsHandler } from './flags/flags.handler';
import { FlagsService } from './flags/flags.service';
import { HealthController } from './health/health.controller';
import { RequestContext } from './http/request-context';
import { ServersController } from './servers/servers.controller';
import { ToolsController } from './tools/tools.controller';

export const ENTITIES = [AgentEntity, ApiKeyEntity, FlagOverrideEntity];

@Module({
  imports: [TypeOrmModule.forFeature(ENTITIES)],
  controllers: [
    AgentsController,
    CallsController,
    FlagsController,
    FlagsHandler,
    HealthController,
    KeysController,
    ServersController,
    ToolsController,
  ],
  providers: [
    AccessService,
    AgentsService,
    FlagsService,
    { provide: APP_GUARD, useClass: AccessGuard },
    { provide: APP_INTERCEPTOR, useClass: RequestContext },
  ],
  exports: [AccessService],
})
export class AppModule {}
