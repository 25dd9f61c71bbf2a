import { Controller, Get, Param } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Bus } from '@mcp-router/platform';
import { readUptime, Uptime } from '@mcp-router/shared';

/** How much of the last 24 hours, 7 and 30 days a server was well, and how long it took to answer. */
@ApiTags('health')
@Controller('api/v1/servers/:server/uptime')
export class UptimeController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @ApiOperation({ summary: 'How much of the last 24 hours, 7 and 30 days a server was well, and how fast it answered' })
  @ApiResponse({ status: 200, standardSchema: Uptime })
  read(@Param('server') server: string): Promise<Uptime> {
    return this.bus.call(readUptime, { server });
  }
}
