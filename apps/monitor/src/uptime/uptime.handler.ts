import { Controller } from '@nestjs/common';
import { Handles } from '@mcp-router/platform';
import { readUptime, type Uptime } from '@mcp-router/shared';
import { UptimeService } from './uptime.service';

@Controller()
export class UptimeHandler {
  constructor(private readonly uptime: UptimeService) {}

  @Handles(readUptime)
  read({ server }: { server: string }): Promise<Uptime> {
    return this.uptime.of(server);
  }
}
