import { Controller } from '@nestjs/common';
import { Handles } from '@mcp-router/platform';
import {
  type NewRegistration,
  type Registration,
  endRegistration,
  registerServer,
  renewRegistration,
} from '@mcp-router/shared';
import type { z } from 'zod';
import { RegistrationsService } from './registrations.service';

@Controller()
export class RegistrationsHandler {
  constructor(private readonly registrations: RegistrationsService) {}

  @Handles(registerServer)
  register(input: NewRegistration): Promise<Registration> {
    return this.registrations.register(input);
  }

  @Handles(renewRegistration)
  renew({ id }: z.output<typeof renewRegistration.input>): Promise<Registration> {
    return this.registrations.renew(id);
  }

  @Handles(endRegistration)
  async end({ id }: z.output<typeof endRegistration.input>): Promise<Record<string, never>> {
    await this.registrations.end(id);
    return {};
  }
}
