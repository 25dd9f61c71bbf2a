import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ENV } from '@mcp-router/platform';
import type { GatewayEnv } from '../config';
import { AccessService } from './access.service';
import { AgentEntity } from './agent.entity';
import { AgentsController, KeysController } from './agents.controller';
import { AgentsService } from './agents.service';
import { ApiKeyEntity } from './api-key.entity';
import { OriginCheck } from './origin';

/** Who may come in: agents, keys, and the check of Host and Origin. */
@Module({
  imports: [TypeOrmModule.forFeature([AgentEntity, ApiKeyEntity])],
  controllers: [AgentsController, KeysController],
  providers: [
    AccessService,
    AgentsService,
    {
      provide: OriginCheck,
      inject: [ENV],
      useFactory: (env: GatewayEnv) =>
        new OriginCheck({ host: env.HOST, allowedHosts: env.ALLOWED_HOSTS, allowedOrigins: env.ALLOWED_ORIGINS }),
    },
  ],
  exports: [AccessService, OriginCheck],
})
export class AccessModule {}
