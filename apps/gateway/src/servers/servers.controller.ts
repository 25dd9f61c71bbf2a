import { Body, Controller, Delete, Get, Headers, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiBody, ApiHeader, ApiOperation, ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Bus } from '@mcp-router/platform';
import {
  addServer,
  getServer,
  listServers,
  NewServer,
  removeServer,
  restartServer,
  Server,
  setServerEnabled,
  updateServer,
  type Page,
} from '@mcp-router/shared';
import type { FastifyReply } from 'fastify';
import { map } from 'rxjs';
import { z } from 'zod';
import { AdminOnly } from '../access/access.guard';
import { tagged, versionIn } from '../http/entity-tag';
import { sendEvents } from '../http/event-stream';
import { Idempotent } from '../idempotency/idempotent';
import { followLogs, readLogs } from './server-logs';

type ServersQuery = z.output<typeof listServers.input>;

const ServerChanges = z.record(z.string().max(64), z.unknown()).meta({
  id: 'ServerChanges',
  description: 'Fields of a server definition; null removes one',
});
const LogsQuery = z.object({ tailBytes: z.coerce.number().int().min(1).max(1_048_576).default(65_536) });

/** The MCP servers behind this endpoint. */
@ApiTags('servers')
@Controller('api/v1/servers')
export class ServersController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @ApiOperation({ summary: 'Servers with their state' })
  @ApiResponse({ status: 200, standardSchema: listServers.output })
  list(@Query({ schema: listServers.input }) query: ServersQuery): Promise<Page<Server>> {
    return this.bus.call(listServers, query);
  }

  /** Registers an MCP server; its tools appear once it answers. */
  @Post()
  @ApiOperation({ summary: 'Register a server; its tools appear once it answers' })
  @Idempotent()
  @AdminOnly()
  @ApiResponse({ status: 201, standardSchema: Server })
  async add(
    @Body({ schema: NewServer }) server: NewServer,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Server> {
    const added = await this.bus.call(addServer, { server });
    void reply.header('Location', `/api/v1/servers/${added.slug}`);
    return tagged(reply, added);
  }

  @Get(':server')
  @ApiOperation({ summary: 'One server, by slug or id' })
  @ApiResponse({ status: 200, standardSchema: Server })
  async get(@Param('server') server: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<Server> {
    return tagged(reply, await this.bus.call(getServer, { server }));
  }

  @Patch(':server')
  @ApiOperation({ summary: 'Change fields of a server; null removes one' })
  @AdminOnly()
  @ApiHeader({
    name: 'If-Match',
    required: false,
    description: 'ETag that was read; refused with 412 if it changed since',
  })
  @ApiBody({ standardSchema: ServerChanges } as never)
  @ApiResponse({ status: 200, standardSchema: Server })
  async update(
    @Param('server') server: string,
    @Body({ schema: ServerChanges }) changes: Record<string, unknown>,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Server> {
    return tagged(reply, await this.bus.call(updateServer, { server, changes, ...versionIn(ifMatch) }));
  }

  @Delete(':server')
  @ApiOperation({ summary: 'Remove a server' })
  @AdminOnly()
  @HttpCode(204)
  async remove(@Param('server') server: string): Promise<void> {
    await this.bus.call(removeServer, { server });
  }

  /** Starts the server's connections anew, without waiting for the next retry. */
  @Post(':server/restart')
  @ApiOperation({ summary: 'Connect anew now, without waiting for the next try' })
  @AdminOnly()
  @HttpCode(200)
  @ApiResponse({ status: 200, standardSchema: Server })
  restart(@Param('server') server: string): Promise<Server> {
    return this.bus.call(restartServer, { server });
  }

  @Post(':server/enable')
  @ApiOperation({ summary: 'Switch a server on' })
  @AdminOnly()
  @HttpCode(200)
  @ApiResponse({ status: 200, standardSchema: Server })
  enable(@Param('server') server: string): Promise<Server> {
    return this.bus.call(setServerEnabled, { server, enabled: true });
  }

  @Post(':server/disable')
  @ApiOperation({ summary: 'Switch a server off' })
  @AdminOnly()
  @HttpCode(200)
  @ApiResponse({ status: 200, standardSchema: Server })
  disable(@Param('server') server: string): Promise<Server> {
    return this.bus.call(setServerEnabled, { server, enabled: false });
  }

  /** What a stdio server wrote to stderr lately, as text; with `Accept: text/event-stream` also what it writes from now on. */
  @Get(':server/logs')
  @ApiOperation({ summary: 'What a stdio server wrote to stderr lately' })
  @AdminOnly()
  @ApiProduces('text/plain', 'text/event-stream')
  async logs(
    @Param('server') server: string,
    @Query({ schema: LogsQuery }) { tailBytes }: z.output<typeof LogsQuery>,
    @Headers('accept') accept: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    if (accept?.includes('text/event-stream')) {
      const parts = followLogs(this.bus, { server, tailBytes });
      return sendEvents(reply, parts.pipe(map((data) => ({ event: 'log', data }))));
    }
    const text = await readLogs(this.bus, { server, tailBytes });
    await reply.header('content-type', 'text/plain; charset=utf-8').send(text);
  }
}
