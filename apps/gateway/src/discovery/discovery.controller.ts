import { Body, Controller, Delete, Get, HttpCode, Param, ParseUUIDPipe, Patch, Post, Put, Query } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import { Bus } from '@mcp-router/platform';
import {
  addSource,
  approveCandidate,
  Candidate,
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
  Slug,
  SourceTest,
  syncSource,
  testSource,
  updateSource,
  type Page,
} from '@mcp-router/shared';
import { z } from 'zod';
import { AdminOnly } from '../access/access.guard';

const SourceChanges = updateSource.input.shape.changes.meta({ id: 'DiscoverySourceChanges' });
type SourceChanges = z.output<typeof SourceChanges>;
const Approval = z.object({ slug: Slug.optional() }).strict().default({}).meta({ id: 'CandidateApproval' });
type Approved = z.output<typeof approveCandidate.output>;
type CandidatesQuery = z.output<typeof listCandidates.input>;

/** Where servers are looked for. */
@ApiTags('discovery')
@AdminOnly()
@Controller('api/v1/discovery/sources')
export class DiscoverySourcesController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @ApiResponse({ status: 200, standardSchema: listSources.output })
  list(@Query({ schema: PageQuery }) query: PageQuery): Promise<Page<DiscoverySource>> {
    return this.bus.call(listSources, query);
  }

  @Post()
  @ApiResponse({ status: 201, standardSchema: DiscoverySource })
  add(@Body({ schema: NewDiscoverySource }) source: NewDiscoverySource): Promise<DiscoverySource> {
    return this.bus.call(addSource, source);
  }

  @Get(':source')
  @ApiResponse({ status: 200, standardSchema: DiscoverySource })
  get(@Param('source') source: string): Promise<DiscoverySource> {
    return this.bus.call(getSource, { source });
  }

  @Patch(':source')
  @ApiResponse({ status: 200, standardSchema: DiscoverySource })
  update(
    @Param('source') source: string,
    @Body({ schema: SourceChanges }) changes: SourceChanges,
  ): Promise<DiscoverySource> {
    return this.bus.call(updateSource, { source, changes });
  }

  /** What only this source found is withdrawn. */
  @Delete(':source')
  @HttpCode(204)
  async remove(@Param('source') source: string): Promise<void> {
    await this.bus.call(removeSource, { source });
  }

  /** Looks at the source now. */
  @Post(':source/sync')
  @HttpCode(202)
  @ApiResponse({ status: 202, standardSchema: DiscoverySource })
  sync(@Param('source') source: string): Promise<DiscoverySource> {
    return this.bus.call(syncSource, { source });
  }

  /** Looks at the source once and keeps nothing of it. */
  @Post(':source/test')
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
  @ApiResponse({ status: 200, standardSchema: listCandidates.output })
  list(@Query({ schema: listCandidates.input }) query: CandidatesQuery): Promise<Page<Candidate>> {
    return this.bus.call(listCandidates, query);
  }

  @Get(':id')
  @ApiResponse({ status: 200, standardSchema: Candidate })
  get(@Param('id', ParseUUIDPipe) id: string): Promise<Candidate> {
    return this.bus.call(getCandidate, { id });
  }

  /** Registers the candidate with the router. */
  @Post(':id/approve')
  @HttpCode(200)
  @ApiResponse({ status: 200, standardSchema: approveCandidate.output })
  approve(
    @Param('id', ParseUUIDPipe) id: string,
    @Body({ schema: Approval }) { slug }: z.output<typeof Approval>,
  ): Promise<Approved> {
    return this.bus.call(approveCandidate, slug === undefined ? { id } : { id, slug });
  }

  @Post(':id/reject')
  @HttpCode(200)
  @ApiResponse({ status: 200, standardSchema: Candidate })
  reject(@Param('id', ParseUUIDPipe) id: string): Promise<Candidate> {
    return this.bus.call(rejectCandidate, { id });
  }

  /** Probes the candidate now and reads its lists. */
  @Post(':id/probe')
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
  @ApiResponse({ status: 201, standardSchema: Registration })
  register(@Body({ schema: NewRegistration }) registration: NewRegistration): Promise<Registration> {
    return this.bus.call(registerServer, registration);
  }

  /** Renews the lease. */
  @Put(':id')
  @ApiResponse({ status: 200, standardSchema: Registration })
  renew(@Param('id', ParseUUIDPipe) id: string): Promise<Registration> {
    return this.bus.call(renewRegistration, { id });
  }

  @Delete(':id')
  @HttpCode(204)
  async end(@Param('id', ParseUUIDPipe) id: string): Promise<void> {
    await this.bus.call(endRegistration, { id });
  }
}
