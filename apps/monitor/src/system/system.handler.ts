import { Controller } from '@nestjs/common';
import { Handles } from '@mcp-router/platform';
import { readSystem, type SystemStatus } from '@mcp-router/shared';
import { SystemService } from './system.service';

@Controller()
export class SystemHandler {
  constructor(private readonly system: SystemService) {}

  @Handles(readSystem)
  read(): Promise<SystemStatus> {
    return this.system.status();
  }
}
