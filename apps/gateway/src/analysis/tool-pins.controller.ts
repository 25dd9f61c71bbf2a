import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Bus } from '@mcp-router/platform';
import {
  decideToolPin,
  DefinitionDiff,
  diffTool,
  getToolPin,
  listToolPins,
  readToxicFlow,
  scanServer,
  scanTools,
  SurfaceReport,
  ToolPin,
  type Page,
} from '@mcp-router/shared';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { AdminOnly } from '../access/access.guard';
import { versionIn } from '../http/entity-tag';

const Decision = z
  .object({ currentHash: z.string().max(128).optional() })
  .default({})
  .meta({
    id: 'ToolPinDecision',
    description: '`currentHash` does what If-Match does: refuses with 412 if the tool changed since it was read',
  });

/** The approved definition of every tool, and what its server has made of it since. */
@ApiTags('analysis')
@Controller('api/v1/tool-pins')
@AdminOnly()
export class ToolPinsController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @ApiOperation({ summary: 'Pins of tool definitions' })
  @ApiResponse({ status: 200, standardSchema: listToolPins.output })
  list(@Query({ schema: listToolPins.input }) query: z.output<typeof listToolPins.input>): Promise<Page<ToolPin>> {
    return this.bus.call(listToolPins, query);
  }

  @Get(':server/:tool')
  @ApiOperation({ summary: 'The pin of one tool, with what has changed since it was approved' })
  @ApiResponse({ status: 200, standardSchema: ToolPin })
  async get(
    @Param('server') server: string,
    @Param('tool') tool: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ToolPin> {
    const pin = await this.bus.call(getToolPin, { server, tool });
    void reply.header('ETag', `"${pin.currentHash}"`);
    return pin;
  }

  /** Makes the tool's present definition the approved one; a held tool is routable again. */
  @Post(':server/:tool/approve')
  @ApiOperation({ summary: 'Approve the present definition; a held tool is routable again' })
  @ApiHeader({ name: 'If-Match', required: false })
  @HttpCode(200)
  @ApiResponse({ status: 200, standardSchema: ToolPin })
  approve(
    @Param('server') server: string,
    @Param('tool') tool: string,
    @Body({ schema: Decision }) body: z.output<typeof Decision>,
    @Headers('if-match') ifMatch: string | undefined,
  ): Promise<ToolPin> {
    return this.bus.call(decideToolPin, {
      server,
      tool,
      decision: 'approve',
      currentHash: versionIn(ifMatch).ifMatch,
      ...body,
    });
  }

  /** Holds the tool until its server changes it or someone approves it. */
  @Post(':server/:tool/reject')
  @ApiOperation({ summary: 'Hold the tool until it changes or is approved' })
  @ApiHeader({ name: 'If-Match', required: false })
  @HttpCode(200)
  @ApiResponse({ status: 200, standardSchema: ToolPin })
  reject(
    @Param('server') server: string,
    @Param('tool') tool: string,
    @Body({ schema: Decision }) body: z.output<typeof Decision>,
    @Headers('if-match') ifMatch: string | undefined,
  ): Promise<ToolPin> {
    return this.bus.call(decideToolPin, {
      server,
      tool,
      decision: 'reject',
      currentHash: versionIn(ifMatch).ifMatch,
      ...body,
    });
  }
}

/** Scans of tool definitions on demand. */
@ApiTags('analysis')
@Controller('api/v1')
export class ScansController {
  constructor(private readonly bus: Bus) {}

  /** Scans pasted definitions; nothing is stored. */
  @Post('tool-scans')
  @ApiOperation({ summary: 'Scan pasted tool definitions; nothing is stored' })
  @HttpCode(200)
  @ApiResponse({ status: 200, standardSchema: SurfaceReport })
  scan(@Body({ schema: scanTools.input }) input: z.output<typeof scanTools.input>): Promise<SurfaceReport> {
    return this.bus.call(scanTools, input);
  }

  /** Scans the live tools of a server now, instead of at the next change. */
  @Post('servers/:server/scan')
  @ApiOperation({ summary: 'Scan the live tools of a server now' })
  @AdminOnly()
  @HttpCode(200)
  @ApiResponse({ status: 200, standardSchema: SurfaceReport })
  scanServer(@Param('server') server: string): Promise<SurfaceReport> {
    return this.bus.call(scanServer, { server });
  }

  /** Whether the tools that the caller may use can together carry private data out, on one server or across several. */
  @Get('toxic-flow')
  @ApiOperation({ summary: 'Whether tools that the caller may use can together leak private data' })
  @ApiResponse({ status: 200, standardSchema: readToxicFlow.output })
  toxicFlow(): Promise<z.output<typeof readToxicFlow.output>> {
    return this.bus.call(readToxicFlow, {});
  }

  /** What changed between two definitions of one tool, and how much it matters. */
  @Post('tool-diffs')
  @ApiOperation({ summary: 'What changed between two definitions of a tool, and how much it matters' })
  @HttpCode(200)
  @ApiResponse({ status: 200, standardSchema: DefinitionDiff })
  diff(@Body({ schema: diffTool.input }) input: z.output<typeof diffTool.input>): Promise<DefinitionDiff> {
    return this.bus.call(diffTool, input);
  }
}
