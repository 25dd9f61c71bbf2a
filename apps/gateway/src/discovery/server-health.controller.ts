import { Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Bus } from '@mcp-router/platform';
import {
  checkServer,
  getServerHealth,
  HealthState,
  listHealthSamples,
  listServerHealth,
  PageQuery,
  ServerHealth,
  type HealthSample,
  type Page,
} from '@mcp-router/shared';
import { z } from 'zod';
import { AdminOnly, Public } from '../access/access.guard';

type HealthQuery = z.output<typeof listServerHealth.input>;

/** What anybody may know: no address, no reason. */
const HealthSummary = z
  .object({
    items: z.array(z.object({ server: z.string(), state: HealthState, since: z.iso.datetime() })),
    nextCursor: z.string().nullable(),
  })
  .meta({ id: 'HealthSummary' });
type HealthSummary = z.infer<typeof HealthSummary>;

/** How the registered servers are, from probes and from the calls that pass through. */
@ApiTags('health')
@Controller()
export class ServerHealthController {
  constructor(private readonly bus: Bus) {}

  @Get('health/servers')
  @ApiOperation({ summary: 'The state of every registered server' })
  @Public()
  @ApiResponse({ status: 200, standardSchema: HealthSummary })
  async summary(@Query({ schema: listServerHealth.input }) query: HealthQuery): Promise<HealthSummary> {
    const { items, nextCursor } = await this.bus.call(listServerHealth, query);
    return { items: items.map(({ server, state, since }) => ({ server, state, since })), nextCursor };
  }

  @Get('api/v1/servers/:server/health')
  @ApiOperation({ summary: 'How a server is, from probes and from the calls that pass through' })
  @ApiResponse({ status: 200, standardSchema: ServerHealth })
  get(@Param('server') server: string): Promise<ServerHealth> {
    return this.bus.call(getServerHealth, { server });
  }

  @Post('api/v1/servers/:server/health/check')
  @ApiOperation({ summary: 'Probe the server now' })
  @AdminOnly()
  @HttpCode(200)
  @ApiResponse({ status: 200, standardSchema: ServerHealth })
  check(@Param('server') server: string): Promise<ServerHealth> {
    return this.bus.call(checkServer, { server });
  }

  @Get('api/v1/servers/:server/health/history')
  @ApiOperation({ summary: 'What was seen of the server over time, newest first' })
  @ApiResponse({ status: 200, standardSchema: listHealthSamples.output })
  history(
    @Param('server') server: string,
    @Query({ schema: PageQuery }) query: PageQuery,
  ): Promise<Page<HealthSample>> {
    return this.bus.call(listHealthSamples, { server, ...query });
  }
}
