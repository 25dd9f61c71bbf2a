import { Controller } from '@nestjs/common';
import { Handles } from '@mcp-router/platform';
import {
  type HealthSample,
  type Page,
  type ServerHealth,
  checkServer,
  getServerHealth,
  listHealthSamples,
  listServerHealth,
} from '@mcp-router/shared';
import type { z } from 'zod';
import { HealthService } from './health.service';

@Controller()
export class HealthHandler {
  constructor(private readonly health: HealthService) {}

  @Handles(listServerHealth)
  list({ cursor, limit, state }: z.output<typeof listServerHealth.input>): Promise<Page<ServerHealth>> {
    return this.health.list(cursor, limit, state);
  }

  @Handles(getServerHealth)
  get({ server }: z.output<typeof getServerHealth.input>): Promise<ServerHealth> {
    return this.health.get(server);
  }

  @Handles(listHealthSamples)
  samples({ server, cursor, limit }: z.output<typeof listHealthSamples.input>): Promise<Page<HealthSample>> {
    return this.health.samples(server, cursor, limit);
  }

  @Handles(checkServer)
  async check({ server }: z.output<typeof checkServer.input>): Promise<ServerHealth> {
    const { server: slug } = await this.health.get(server);
    await this.health.check(slug);
    return this.health.get(slug);
  }
}
