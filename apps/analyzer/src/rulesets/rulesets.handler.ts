import { Controller } from '@nestjs/common';
import { Handles } from '@mcp-router/platform';
import { getRuleset, listRulesets, putRuleset, removeRuleset, type Ruleset } from '@mcp-router/shared';
import type { z } from 'zod';
import { RulesetsService } from './rulesets.service';

@Controller()
export class RulesetsHandler {
  constructor(private readonly rulesets: RulesetsService) {}

  @Handles(putRuleset)
  put(input: z.output<typeof putRuleset.input>): Promise<Ruleset> {
    return this.rulesets.put(input);
  }

  @Handles(listRulesets)
  async list(): Promise<{ items: Ruleset[] }> {
    return { items: await this.rulesets.list() };
  }

  @Handles(getRuleset)
  get({ name }: { name: string }): Promise<Ruleset> {
    return this.rulesets.get(name);
  }

  @Handles(removeRuleset)
  async remove({ name, ifMatch }: z.output<typeof removeRuleset.input>): Promise<Record<string, never>> {
    await this.rulesets.remove(name, ifMatch);
    return {};
  }
}
