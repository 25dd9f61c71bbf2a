import { Body, Controller, Delete, Get, Headers, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Bus } from '@mcp-router/platform';
import {
  addVirtualServer,
  getVirtualServer,
  listVirtualServers,
  NewVirtualServer,
  removeVirtualServer,
  updateVirtualServer,
  VirtualServer,
  VirtualServerChanges,
  type Page,
} from '@mcp-router/shared';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { AdminOnly } from '../access/access.guard';
import { tagged, versionIn } from '../http/entity-tag';

type ListQuery = z.output<typeof listVirtualServers.input>;

/** Some tools of some servers at an address of their own, `/mcp/{slug}`. */
@ApiTags('servers')
@AdminOnly()
@Controller('api/v1/virtual-servers')
export class VirtualServersController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @ApiOperation({ summary: 'Virtual servers and what they offer' })
  @ApiResponse({ status: 200, standardSchema: listVirtualServers.output })
  list(@Query({ schema: listVirtualServers.input }) query: ListQuery): Promise<Page<VirtualServer>> {
    return this.bus.call(listVirtualServers, query);
  }

  @Post()
  @ApiOperation({ summary: 'Put tools of several servers at one address, under their own names' })
  @ApiResponse({ status: 201, standardSchema: VirtualServer })
  async add(
    @Body({ schema: NewVirtualServer }) server: NewVirtualServer,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<VirtualServer> {
    const added = await this.bus.call(addVirtualServer, server);
    void reply.header('Location', `/api/v1/virtual-servers/${added.slug}`);
    return tagged(reply, added);
  }

  @Get(':virtualServer')
  @ApiOperation({ summary: 'One virtual server, by slug or id' })
  @ApiResponse({ status: 200, standardSchema: VirtualServer })
  async get(
    @Param('virtualServer') virtualServer: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<VirtualServer> {
    return tagged(reply, await this.bus.call(getVirtualServer, { virtualServer }));
  }

  @Patch(':virtualServer')
  @ApiOperation({ summary: 'Change what a virtual server offers' })
  @ApiHeader({
    name: 'If-Match',
    required: false,
    description: 'ETag that was read; refused with 412 if it changed since',
  })
  @ApiResponse({ status: 200, standardSchema: VirtualServer })
  async update(
    @Param('virtualServer') virtualServer: string,
    @Body({ schema: VirtualServerChanges }) changes: VirtualServerChanges,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<VirtualServer> {
    return tagged(reply, await this.bus.call(updateVirtualServer, { virtualServer, changes, ...versionIn(ifMatch) }));
  }

  @Delete(':virtualServer')
  @ApiOperation({ summary: 'Remove a virtual server; its servers stay' })
  @HttpCode(204)
  async remove(@Param('virtualServer') virtualServer: string): Promise<void> {
    await this.bus.call(removeVirtualServer, { virtualServer });
  }
}
