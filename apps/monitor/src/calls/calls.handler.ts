import { Controller } from '@nestjs/common';
import { Handles } from '@mcp-router/platform';
import { listCalls, type CallRecord, type CallsQuery, type Page } from '@mcp-router/shared';
import { CallsService } from './calls.service';

@Controller()
export class CallsHandler {
  constructor(private readonly calls: CallsService) {}

  @Handles(listCalls)
  list(query: CallsQuery): Promise<Page<CallRecord>> {
    return this.calls.list(query);
  }
}
