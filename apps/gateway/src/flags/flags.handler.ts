import { Controller } from '@nestjs/common';
import { Handles } from '@mcp-router/platform';
import { listFlagOverrides } from '@mcp-router/shared';
import { FlagsService } from './flags.service';

@Controller()
export class FlagsHandler {
  constructor(private readonly flags: FlagsService) {}

  @Handles(listFlagOverrides)
  list(): Promise<Record<string, boolean>> {
    return this.flags.overrides();
  }
}
