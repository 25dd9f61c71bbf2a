import { Controller } from '@nestjs/common';
import { Handles, type BusContext } from '@mcp-router/platform';
import { decideApproval, listApprovals, SYSTEM_PRINCIPAL, type Approval, type Page } from '@mcp-router/shared';
import type { z } from 'zod';
import { ApprovalsService } from './approvals.service';

type Input<C extends { input: z.ZodType }> = z.output<C['input']>;

@Controller()
export class ApprovalsHandler {
  constructor(private readonly approvals: ApprovalsService) {}

  @Handles(listApprovals)
  list(query: Input<typeof listApprovals>, { principal }: BusContext): Promise<Page<Approval>> {
    return this.approvals.list(query, principal ?? SYSTEM_PRINCIPAL);
  }

  @Handles(decideApproval)
  decide({ approval, ...decision }: Input<typeof decideApproval>, { principal }: BusContext): Promise<Approval> {
    return this.approvals.decide(approval, decision, principal ?? SYSTEM_PRINCIPAL);
  }
}
