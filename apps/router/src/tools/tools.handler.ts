import { Controller } from '@nestjs/common';
import { Handles, type BusContext } from '@mcp-router/platform';
import {
  callTool,
  startAfter,
  getTool,
  listTools,
  SYSTEM_PRINCIPAL,
  toPage,
  type Page,
  type Tool,
  type ToolResult,
} from '@mcp-router/shared';
import type { z } from 'zod';
import type { CatalogueItem } from '../catalogue/catalogue-item';
import { toolView } from './tool-view';
import { ToolsService } from './tools.service';

type Input<C extends { input: z.ZodType }> = z.output<C['input']>;

@Controller()
export class ToolsHandler {
  constructor(private readonly tools: ToolsService) {}

  @Handles(listTools)
  list({ cursor, limit, search, server }: Input<typeof listTools>, context: BusContext): Promise<Page<Tool>> {
    const after = startAfter(cursor);
    const words = (search ?? '').toLowerCase().split(/\s+/).filter(Boolean);
    const found = this.tools
      .visible(context.principal ?? SYSTEM_PRINCIPAL)
      .filter(
        (tool) => (server === undefined || tool.server === server) && tool.publicName > after && mentions(tool, words),
      )
      .sort((a, b) => (a.publicName < b.publicName ? -1 : 1));
    const page = toPage(found, limit, ({ publicName }) => publicName);
    return Promise.resolve({ ...page, items: page.items.map(toolView) });
  }

  @Handles(getTool)
  async get({ tool }: Input<typeof getTool>, context: BusContext): Promise<Tool> {
    return toolView(await this.tools.admitted(tool, context.principal ?? SYSTEM_PRINCIPAL, context.signal));
  }

  @Handles(callTool)
  call(call: Input<typeof callTool>, context: BusContext): Promise<ToolResult> {
    const { principal = SYSTEM_PRINCIPAL, signal } = context;
    return this.tools.call({ ...call, principal, signal, endpoint: 'rest' });
  }
}

/** Every word stands somewhere in the name or the definition. */
function mentions({ publicName, text }: CatalogueItem, words: readonly string[]): boolean {
  if (words.length === 0) return true;
  const where = `${publicName} ${text}`.toLowerCase();
  return words.every((word) => where.includes(word));
}
