import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  HttpCode,
  Param,
  ParseUUIDPipe,
  Patch,
  Post,
  Put,
  Query,
  Res,
} from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Bus } from '@mcp-router/platform';
import {
  addSource,
  approveCandidate,
  Candidate,
  CandidateApproval,
  DiscoverySource,
  endRegistration,
  getCandidate,
  getSource,
  listCandidates,
  listSources,
  NewDiscoverySource,
  NewRegistration,
  PageQuery,
  probeCandidate,
  registerServer,
  Registration,
  rejectCandidate,
  removeSource,
  renewRegistration,
  SourceTest,
  syncSource,
  testSource,
  updateSource,
  type Page,
} from '@mcp-router/shared';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { AdminOnly } from '../access/access.guard';
import { tagged, versionIn } from '../http/entity-tag';
import { Idempotent } from '../idempotency/idempotent';

const SourceChanges = updateSource.input.shape.changes.meta({ id: 'DiscoverySourceChanges' });
type SourceChanges = z.output<typeof SourceChanges>;
const Approval = CandidateApproval.default({});
type Approved = z.output<typeof approveCandidate.output>;
type CandidatesQuery = z.output<typeof listCandidates.input>;

/** Where servers are looked for. */
@ApiTags('discovery')
@AdminOnly()
@Controller('api/v1/discovery/sources')
export class DiscoverySourcesController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @ApiOperation({ summary: 'Sources with their state' })
  @ApiResponse({ status: 200, standardSchema: listSources.output })
  list(@Query({ schema: PageQuery }) query: PageQuery): Promise<Page<DiscoverySource>> {
    return this.bus.call(listSources, query);
  }

  @Post()
  @ApiOperation({ summary: 'Add a source; it is looked at from now on' })
  @Idempotent()
  @ApiResponse({ status: 201, standardSchema: DiscoverySource })
  async add(
    @Body({ schema: NewDiscoverySource }) source: NewDiscoverySource,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DiscoverySource> {
    const added = await this.bus.call(addSource, source);
    void reply.header('Location', `/api/v1/discovery/sources/${added.name}`);
    return tagged(reply, added);
  }

  @Get(':source')
  @ApiOperation({ summary: 'One source, by name or id' })
  @ApiResponse({ status: 200, standardSchema: DiscoverySource })
  async get(
    @Param('source') source: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DiscoverySource> {
    return tagged(reply, await this.bus.call(getSource, { source }));
  }

  @Patch(':source')
  @ApiOperation({ summary: 'Change a source' })
  @ApiHeader({
    name: 'If-Match',
    required: false,
    description: 'ETag that was read; refused with 412 if it changed since',
  })
  @ApiResponse({ status: 200, standardSchema: DiscoverySource })
  async update(
    @Param('source') source: string,
    @Body({ schema: SourceChanges }) changes: SourceChanges,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DiscoverySource> {
    return tagged(reply, await this.bus.call(updateSource, { source, changes, ...versionIn(ifMatch) }));
  }

  @Delete(':source')
  @ApiOperation({ summary: 'Remove a source; what only it found is withdrawn' })
  @HttpCode(204)
  async remove(@Param('source') source: string): Promise<void> {
    await this.bus.call(removeSource, { source });
  }

  @Post(':source/sync')
  @ApiOperation({ summary: 'Look at the source now' })
  @Idempotent()
  @HttpCode(202)
  @ApiResponse({ status: 202, standardSchema: DiscoverySource })
  sync(@Param('source') source: string): Promise<DiscoverySource> {
    return this.bus.call(syncSource, { source });
  }

  @Post(':source/test')
  @ApiOperation({ summary: 'Look at the source once and keep nothing of it' })
  @HttpCode(200)
  @ApiResponse({ status: 200, standardSchema: SourceTest })
  test(@Param('source') source: string): Promise<SourceTest> {
    return this.bus.call(testSource, { source });
  }
}

/** Servers that were found. Found is not enabled: what is approved becomes a registered server. */
@ApiTags('discovery')
@AdminOnly()
@Controller('api/v1/discovery/candidates')
export class CandidatesController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @ApiOperation({ summary: 'Servers that were found' })
  @ApiResponse({ status: 200, standardSchema: listCandidates.output })
  list(@Query({ schema: listCandidates.input }) query: CandidatesQuery): Promise<Page<Candidate>> {
    return this.bus.call(listCandidates, query);
  }

  @Get(':id')
  @ApiOperation({ summary: 'One found server, with what has to be filled in before it can be used' })
  @ApiResponse({ status: 200, standardSchema: Candidate })
  get(@Param('id', ParseUUIDPipe) id: string): Promise<Candidate> {
    return this.bus.call(getCandidate, { id });
  }

  @Post(':id/approve')
  @ApiOperation({ summary: 'Register a found server with the router' })
  @Idempotent()
  @HttpCode(200)
  @ApiResponse({ status: 200, standardSchema: approveCandidate.output })
  approve(
    @Param('id', ParseUUIDPipe) id: string,
    @Body({ schema: Approval }) approval: CandidateApproval,
  ): Promise<Approved> {
    return this.bus.call(approveCandidate, { id, ...approval });
  }

  @Post(':id/reject')
  @ApiOperation({ summary: 'Do not offer a found server any more' })
  @HttpCode(200)
  @ApiResponse({ status: 200, standardSchema: Candidate })
  reject(@Param('id', ParseUUIDPipe) id: string): Promise<Candidate> {
    return this.bus.call(rejectCandidate, { id });
  }

  @Post(':id/probe')
  @ApiOperation({ summary: 'Probe a found server now and read its lists' })
  @HttpCode(200)
  @ApiResponse({ status: 200, standardSchema: Candidate })
  probe(@Param('id', ParseUUIDPipe) id: string): Promise<Candidate> {
    return this.bus.call(probeCandidate, { id });
  }
}

/** Servers that announce themselves; without renewal an announcement ends with its lease. */
@ApiTags('discovery')
@Controller('api/v1/discovery/registrations')
export class RegistrationsController {
  constructor(private readonly bus: Bus) {}

  @Post()
  @ApiOperation({ summary: 'Announce a server; without renewal the announcement ends with its lease' })
  @Idempotent()
  @ApiResponse({ status: 201, standardSchema: Registration })
  register(@Body({ schema: NewRegistration }) registration: NewRegistration): Promise<Registration> {
    return this.bus.call(registerServer, registration);
  }

  @Put(':id')
  @ApiOperation({ summary: 'Renew an announcement' })
  @ApiResponse({ status: 200, standardSchema: Registration })
  renew(@Param('id', ParseUUIDPipe) id: string): Promise<Registration> {
    return this.bus.call(renewRegistration, { id });
  }

  @Delete(':id')
  @ApiOperation({ summary: 'End an announcement' })
  @HttpCode(204)
  async end(@Param('id', ParseUUIDPipe) id: string): Promise<void> {
    await this.bus.call(endRegistration, { id });
  }
}
