import { Controller } from '@nestjs/common';
import { Handles } from '@mcp-router/platform';
import { readToxicFlow, scanServer, scanTools, type SurfaceReport, type ToolDefinition } from '@mcp-router/shared';
import type { z } from 'zod';
import { SurfaceService } from './surface.service';

@Controller()
export class SurfaceHandler {
  constructor(private readonly surface: SurfaceService) {}

  @Handles(scanTools)
  scanTools({ tools }: { tools: ToolDefinition[] }): Promise<SurfaceReport> {
    return this.surface.scanGiven(tools);
  }

  @Handles(scanServer)
  scanServer({ server }: { server: string }): Promise<SurfaceReport> {
    return this.surface.scanServer(server);
  }

  @Handles(readToxicFlow)
  toxicFlow(): Promise<z.output<typeof readToxicFlow.output>> {
    return this.surface.toxicFlow();
  }
}
