import { Controller } from '@nestjs/common';
import { Handles } from '@mcp-router/platform';
import { getCall, listCalls, type CallDetails, type CallRecord, type CallsQuery, type Page } from '@mcp-router/shared';
import type { z } from 'zod';
import { CallsService } from './calls.service';

@Controller()
export class CallsHandler {
  constructor(private readonly calls: CallsService) {}

  @Handles(listCalls)
  list(query: CallsQuery): Promise<Page<CallRecord>> {
    return this.calls.list(query);
  }

  @Handles(getCall)
  get({ call, agent }: z.output<typeof getCall.input>): Promise<CallDetails> {
    return this.calls.get(call, agent);
  }
}
