import { Controller } from '@nestjs/common';
import { Bus, Handles, recordEvent } from '@mcp-router/platform';
import { listSecrets, putSecret, removeSecret, type Secret } from '@mcp-router/shared';
import type { z } from 'zod';
import { SecretStore } from './secret-store';

type Input<C extends { input: z.ZodType }> = z.output<C['input']>;

@Controller()
export class SecretsHandler {
  constructor(
    private readonly secrets: SecretStore,
    private readonly bus: Bus,
  ) {}

  @Handles(listSecrets)
  async list(): Promise<{ items: Secret[] }> {
    return { items: await this.secrets.list() };
  }

  @Handles(putSecret)
  async put({ name, value }: Input<typeof putSecret>): Promise<Secret & { isNew: boolean }> {
    const stored = await this.secrets.put(name, value);
    recordEvent(this.bus, stored.isNew ? 'configuration.secretAdded' : 'configuration.secretChanged', {
      subject: name,
    });
    return stored;
  }

  @Handles(removeSecret)
  async remove({ name }: Input<typeof removeSecret>): Promise<Record<string, never>> {
    await this.secrets.remove(name);
    recordEvent(this.bus, 'configuration.secretRemoved', { subject: name });
    return {};
  }
}
