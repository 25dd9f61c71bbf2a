import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { PageQuery, pageOf, type Page } from '@mcp-router/shared';
import { AdminOnly } from './access.guard';
import { Agent, AgentChanges, ApiKey, CreatedApiKey, NewAgent, NewApiKey } from './access.schemas';
import { AgentsService } from './agents.service';

/** Who may call: agents with their tool policies. */
@ApiTags('access')
@AdminOnly()
@Controller('api/v1/agents')
export class AgentsController {
  constructor(private readonly agents: AgentsService) {}

  @Get()
  @ApiOperation({ summary: 'Agents, newest first' })
  @ApiResponse({ status: 200, standardSchema: pageOf(Agent) })
  list(@Query({ schema: PageQuery }) query: PageQuery): Promise<Page<Agent>> {
    return this.agents.list(query);
  }

  @Post()
  @ApiOperation({ summary: 'Make an agent' })
  @ApiResponse({ status: 201, standardSchema: Agent })
  create(@Body({ schema: NewAgent }) agent: NewAgent): Promise<Agent> {
    return this.agents.create(agent);
  }

  @Get(':agent')
  @ApiOperation({ summary: 'One agent, by id or name' })
  @ApiResponse({ status: 200, standardSchema: Agent })
  get(@Param('agent') agent: string): Promise<Agent> {
    return this.agents.get(agent);
  }

  @Patch(':agent')
  @ApiOperation({ summary: 'Change an agent; takes effect at every replica within a second' })
  @ApiResponse({ status: 200, standardSchema: Agent })
  update(@Param('agent') agent: string, @Body({ schema: AgentChanges }) changes: AgentChanges): Promise<Agent> {
    return this.agents.update(agent, changes);
  }

  @Delete(':agent')
  @ApiOperation({ summary: 'Remove an agent and its keys' })
  @HttpCode(204)
  remove(@Param('agent') agent: string): Promise<void> {
    return this.agents.remove(agent);
  }
}

/** Credentials of agents. A key is shown once, when it is made. */
@ApiTags('access')
@AdminOnly()
@Controller('api/v1/keys')
export class KeysController {
  constructor(private readonly agents: AgentsService) {}

  @Get()
  @ApiOperation({ summary: 'Keys, newest first, without their secrets' })
  @ApiResponse({ status: 200, standardSchema: pageOf(ApiKey) })
  list(@Query({ schema: PageQuery }) query: PageQuery): Promise<Page<ApiKey>> {
    return this.agents.listKeys(query);
  }

  @Post()
  @ApiOperation({ summary: 'Make a key; the answer is the only time it is shown' })
  @ApiResponse({ status: 201, standardSchema: CreatedApiKey })
  create(@Body({ schema: NewApiKey }) key: NewApiKey): Promise<CreatedApiKey> {
    return this.agents.createKey(key);
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Revoke a key; refused everywhere within a second' })
  @HttpCode(204)
  revoke(@Param('id') id: string): Promise<void> {
    return this.agents.revokeKey(id);
  }
}
