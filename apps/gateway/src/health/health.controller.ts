import { Controller, Get, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Health, type HealthReport } from '@mcp-router/platform';
import type { FastifyReply } from 'fastify';
import { Public } from '../access/access.guard';

@ApiTags('health')
@Public()
@Controller('health')
export class HealthController {
  constructor(private readonly health: Health) {}

  /** The process answers. */
  @Get('live')
  @ApiOperation({ summary: 'The process answers' })
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** The gateway can do its work: Postgres, Redis and at least one router are there. */
  @Get('ready')
  @ApiOperation({ summary: 'The gateway can do its work: Postgres, Redis and a router are there' })
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<HealthReport> {
    const report = await this.health.ready();
    void reply.status(report.status === 'ok' ? 200 : 503);
    return report;
  }
}
