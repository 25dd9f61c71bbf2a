import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Bus } from '@mcp-router/platform';
import { Approval, ApprovalDecision, decideApproval, listApprovals, type Page } from '@mcp-router/shared';
import type { z } from 'zod';

type ApprovalsQuery = z.output<typeof listApprovals.input>;

/** What runs of workflows ask people. */
@ApiTags('workflows')
@Controller('api/v1/approvals')
export class ApprovalsController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @ApiOperation({ summary: 'What runs ask people' })
  @ApiResponse({ status: 200, standardSchema: listApprovals.output })
  list(@Query({ schema: listApprovals.input }) query: ApprovalsQuery): Promise<Page<Approval>> {
    return this.bus.call(listApprovals, query);
  }

  @Post(':approval')
  @ApiOperation({ summary: 'Approves or rejects' })
  @HttpCode(200)
  @ApiResponse({ status: 200, standardSchema: Approval })
  decide(
    @Param('approval') approval: string,
    @Body({ schema: ApprovalDecision }) decision: z.output<typeof ApprovalDecision>,
  ): Promise<Approval> {
    return this.bus.call(decideApproval, { approval, ...decision });
  }
}
