import { Body, Controller, Get, Headers, Param, Patch, Query, Res } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Bus } from '@mcp-router/platform';
import {
  AnalyzerRule,
  decideFinding,
  Finding,
  FindingDecision,
  getFinding,
  getRule,
  listFindings,
  listRules,
  type FindingsQuery,
  type Page,
} from '@mcp-router/shared';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { AdminOnly } from '../access/access.guard';
import { tagged, versionIn } from '../http/entity-tag';

/** What the analyzer found in tool definitions and in code, and what people decided about it. */
@ApiTags('analysis')
@Controller('api/v1/findings')
@AdminOnly()
export class FindingsController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @ApiOperation({
    summary: 'Findings, newest first; filtered by rule, level, state, server, tool, project or analysis',
  })
  @ApiResponse({ status: 200, standardSchema: listFindings.output })
  list(@Query({ schema: listFindings.input }) query: FindingsQuery): Promise<Page<Finding>> {
    return this.bus.call(listFindings, query);
  }

  @Get(':id')
  @ApiOperation({ summary: 'One finding' })
  @ApiResponse({ status: 200, standardSchema: Finding })
  async get(@Param('id') id: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<Finding> {
    const finding = await this.bus.call(getFinding, { id });
    return tagged(reply, finding);
  }

  /** Accepts a finding, calls it a false positive, or opens it again; holds for later scans too. */
  @Patch(':id')
  @ApiOperation({ summary: 'Accept a finding, call it a false positive, or open it again' })
  @ApiHeader({ name: 'If-Match', required: false })
  @ApiResponse({ status: 200, standardSchema: Finding })
  async decide(
    @Param('id') id: string,
    @Body({ schema: FindingDecision }) decision: FindingDecision,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Finding> {
    const finding = await this.bus.call(decideFinding, { id, ...decision, ...versionIn(ifMatch) });
    return tagged(reply, finding);
  }
}

/** What the analyzer looks for, with good and bad examples. */
@ApiTags('analysis')
@Controller('api/v1/rules')
export class RulesController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @ApiOperation({ summary: 'Every rule, with good and bad examples' })
  @ApiResponse({ status: 200, standardSchema: listRules.output })
  list(
    @Query({ schema: listRules.input }) query: z.output<typeof listRules.input>,
  ): Promise<{ items: AnalyzerRule[] }> {
    return this.bus.call(listRules, query);
  }

  @Get(':family/:name')
  @ApiOperation({ summary: 'One rule, explained' })
  @ApiResponse({ status: 200, standardSchema: AnalyzerRule })
  get(@Param('family') family: string, @Param('name') name: string): Promise<AnalyzerRule> {
    return this.bus.call(getRule, { id: `${family}/${name}` });
  }
}
