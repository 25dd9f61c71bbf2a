import { Controller, Get, Param } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Bus } from '@mcp-router/platform';
import { readUptime, Uptime } from '@mcp-router/shared';

/** How much of the last day, week and 30 days a server was well. */
@ApiTags('health')
@Controller('api/v1/servers/:server/uptime')
export class UptimeController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @ApiOperation({ summary: 'How much of the last day, week and 30 days a server was well' })
  @ApiResponse({ status: 200, standardSchema: Uptime })
  read(@Param('server') server: string): Promise<Uptime> {
    return this.bus.call(readUptime, { server });
  }
}
