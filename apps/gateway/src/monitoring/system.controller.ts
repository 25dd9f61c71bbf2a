import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Bus } from '@mcp-router/platform';
import { readSystem, SystemStatus } from '@mcp-router/shared';

/** What this installation consists of: services with their replicas and versions, dependencies, the machine. */
@ApiTags('monitoring')
@Controller('api/v1/system')
export class SystemController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @ApiOperation({ summary: 'Services with their replicas and versions, dependencies, the machine' })
  @ApiResponse({ status: 200, standardSchema: SystemStatus })
  read(): Promise<SystemStatus> {
    return this.bus.call(readSystem, {});
  }
}
