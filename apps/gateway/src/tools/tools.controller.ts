import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Bus } from '@mcp-router/platform';
import { callTool, getTool, listTools, Tool, ToolResult, type Page } from '@mcp-router/shared';
import { z } from 'zod';

type ToolsQuery = z.output<typeof listTools.input>;

const ToolCall = z
  .strictObject({
    arguments: z.record(z.string(), z.unknown()).default({}),
    timeoutMs: z.int().min(1).max(3_600_000).optional(),
  })
  .meta({ id: 'ToolCall' });
type ToolCall = z.output<typeof ToolCall>;

/** The tools of all servers that the caller may use, by public name `server__tool`. */
@ApiTags('tools')
@Controller('api/v1/tools')
export class ToolsController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @ApiOperation({ summary: 'Tools the caller may use' })
  @ApiResponse({ status: 200, standardSchema: listTools.output })
  list(@Query({ schema: listTools.input }) query: ToolsQuery): Promise<Page<Tool>> {
    return this.bus.call(listTools, query);
  }

  @Get(':tool')
  @ApiOperation({ summary: 'One tool with its schemas' })
  @ApiResponse({ status: 200, standardSchema: Tool })
  get(@Param('tool') tool: string): Promise<Tool> {
    return this.bus.call(getTool, { tool });
  }

  /** Calls a tool. Its own failure is a result with `isError`, not an error. */
  @Post(':tool/call')
  @ApiOperation({ summary: 'Call a tool; its own failure is a result with isError' })
  @HttpCode(200)
  @ApiResponse({ status: 200, standardSchema: ToolResult })
  call(@Param('tool') tool: string, @Body({ schema: ToolCall }) { timeoutMs, ...call }: ToolCall): Promise<ToolResult> {
    return this.bus.call(
      callTool,
      { tool, ...call, ...(timeoutMs === undefined ? {} : { timeoutMs }) },
      timeoutMs === undefined ? {} : { timeoutMs },
    );
  }
}
