import { Controller, Get, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Bus } from '@mcp-router/platform';
import { listCalls, type CallRecord, type CallsQuery, type Page, type Principal } from '@mcp-router/shared';
import { Caller } from '../http/request-context';

/** The call log: who called what, when, how long it took and how it ended. Members see their own calls. */
@ApiTags('monitoring')
@Controller('api/v1/calls')
export class CallsController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @ApiOperation({ summary: 'The call log, newest first; members see their own calls' })
  @ApiResponse({ status: 200, standardSchema: listCalls.output })
  list(@Query({ schema: listCalls.input }) query: CallsQuery, @Caller() caller: Principal): Promise<Page<CallRecord>> {
    return this.bus.call(listCalls, caller.role === 'admin' ? query : { ...query, agent: caller.agent });
  }
}
