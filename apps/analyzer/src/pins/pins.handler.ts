import { Controller } from '@nestjs/common';
import { Handles } from '@mcp-router/platform';
import {
  decideToolPin,
  diffTool,
  getToolPin,
  listHeldTools,
  listToolPins,
  type DefinitionDiff,
  type Page,
  type ToolDefinition,
  type ToolPin,
} from '@mcp-router/shared';
import type { z } from 'zod';
import { PinsService } from './pins.service';
import { PinsStore, withoutDefinitions } from './pins.store';

@Controller()
export class PinsHandler {
  constructor(
    private readonly pins: PinsStore,
    private readonly service: PinsService,
  ) {}

  @Handles(listToolPins)
  list(query: z.output<typeof listToolPins.input>): Promise<Page<ToolPin>> {
    return this.pins.list(query);
  }

  @Handles(getToolPin)
  async get({ server, tool }: { server: string; tool: string }): Promise<ToolPin> {
    return withoutDefinitions(await this.pins.get(server, tool));
  }

  @Handles(decideToolPin)
  decide(input: z.output<typeof decideToolPin.input>): Promise<ToolPin> {
    return this.service.decide(input);
  }

  @Handles(diffTool)
  diff({ before, after }: { before: ToolDefinition; after: ToolDefinition }): Promise<DefinitionDiff> {
    return this.service.compareGiven(before, after);
  }

  @Handles(listHeldTools)
  async held(): Promise<z.output<typeof listHeldTools.output>> {
    const [pins, judged] = await Promise.all([this.pins.held(), this.pins.judged()]);
    return {
      judged,
      items: pins.map(({ server, tool, state, diff }) => ({
        server,
        tool,
        reason:
          state === 'rejected'
            ? 'the changed definition was rejected'
            : (diff?.changes[0]?.why ?? 'the definition changed dangerously'),
      })),
    };
  }
}
