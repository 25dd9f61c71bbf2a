import { Body, Controller, Get, Param, Patch, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
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
import type { z } from 'zod';
import { AdminOnly } from '../access/access.guard';

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
  get(@Param('id') id: string): Promise<Finding> {
    return this.bus.call(getFinding, { id });
  }

  /** Accepts a finding, calls it a false positive, or opens it again; holds for later scans too. */
  @Patch(':id')
  @ApiOperation({ summary: 'Accept a finding, call it a false positive, or open it again' })
  @ApiResponse({ status: 200, standardSchema: Finding })
  decide(@Param('id') id: string, @Body({ schema: FindingDecision }) decision: FindingDecision): Promise<Finding> {
    return this.bus.call(decideFinding, { id, ...decision });
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
