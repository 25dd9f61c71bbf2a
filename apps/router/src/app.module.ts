import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuthorizationModule } from './authorization/authorization.module';
import { CallRecorder } from './calls/call-recorder';
import { QuarantineModule } from './quarantine/quarantine.module';
import { McpModule } from './routing/mcp.module';
import { ServerEntity } from './servers/server.entity';
import { ServersHandler } from './servers/servers.handler';
import { ServersService } from './servers/servers.service';
import { SignInHandler } from './servers/sign-in.handler';
import { ToolsHandler } from './tools/tools.handler';
import { ToolsService } from './tools/tools.service';
import { UpstreamsModule } from './upstreams/upstreams.module';
import { VirtualServersModule } from './virtual-servers/virtual-servers.module';
import { WorkflowsModule } from './workflows/workflows.module';

@Module({
  imports: [
    TypeOrmModule.forFeature([ServerEntity]),
    AuthorizationModule,
    UpstreamsModule,
    QuarantineModule,
    McpModule,
    VirtualServersModule,
    WorkflowsModule,
  ],
  controllers: [ServersHandler, SignInHandler, ToolsHandler],
  providers: [CallRecorder, ServersService, ToolsService],
})
export class AppModule {}
