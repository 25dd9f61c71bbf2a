import { Module } from '@nestjs/common';
import { Bus, ENV } from '@mcp-router/platform';
import { AccessModule } from '../access/access.module';
import { AccessService } from '../access/access.service';
import { OriginCheck } from '../access/origin';
import type { GatewayEnv } from '../config';
import { McpEdge } from './mcp-edge';

/** The MCP endpoints of the gateway; `openDoor` gives the edge its requests. */
@Module({
  imports: [AccessModule],
  providers: [
    {
      provide: McpEdge,
      inject: [Bus, AccessService, OriginCheck, ENV],
      useFactory: (bus: Bus, access: AccessService, origins: OriginCheck, env: GatewayEnv) =>
        new McpEdge(
          bus,
          {
            authenticate: (authorization) => access.authenticate(authorization),
            admit: (principal) => access.admit(principal),
            noteRefused: (principal, call) => access.noteRefused(principal, call),
            checkOrigin: ({ headers }) => origins.check(headers.host, headers.origin),
          },
          {
            maxBodyBytes: env.MAX_BODY_BYTES,
            listCacheBytes: env.LIST_CACHE_BYTES,
            maxBufferedBytes: env.MAX_BUFFERED_BYTES,
            streamAfterMs: env.STREAM_AFTER_MS,
            keepAliveMs: env.KEEP_ALIVE_MS,
          },
        ),
    },
  ],
  exports: [McpEdge],
})
export class McpModule {}
