import { Controller, Get, Param, Query, Req } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { AppError, startAfter, encodeCursor, type Principal, type Server } from '@mcp-router/shared';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Caller } from '../http/request-context';
import { originOf } from './origin-of';
import { nameOf, registryEntry, versionOf } from './server-json';
import { VisibleServers } from './visible-servers';

const RegistryQuery = z.object({
  cursor: z.string().max(1024).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(30),
  /** Part of the name. */
  search: z.string().max(200).optional(),
  updated_since: z.iso.datetime({ offset: true }).optional(),
  version: z.string().max(255).optional(),
});
type RegistryQuery = z.infer<typeof RegistryQuery>;

const ServerList = z
  .object({
    servers: z.array(z.looseObject({ server: z.looseObject({ name: z.string(), version: z.string() }) })),
    metadata: z.object({ nextCursor: z.string().optional(), count: z.int() }),
  })
  .meta({ id: 'RegistryServerList' });
type ServerList = z.infer<typeof ServerList>;

/** This router as a registry of the MCP server registry API v0.1: what the caller may see, reached through the router. */
@ApiTags('registry')
@Controller('v0.1/servers')
export class RegistryController {
  constructor(private readonly visible: VisibleServers) {}

  @Get()
  @ApiOperation({ summary: 'Servers that the caller may see, as the MCP registry API v0.1 lists them' })
  @ApiResponse({ status: 200, standardSchema: ServerList })
  async list(
    @Query({ schema: RegistryQuery }) query: RegistryQuery,
    @Caller() caller: Principal,
    @Req() request: FastifyRequest,
  ): Promise<ServerList> {
    const after = startAfter(query.cursor);
    const found = (await this.visible.of(caller)).filter((server) => server.slug > after && isWanted(server, query));
    const page = found.slice(0, query.limit);
    const last = page.at(-1);
    const more = found.length > page.length && last ? { nextCursor: encodeCursor(last.slug) } : {};
    const origin = originOf(request);
    return {
      servers: page.map((server) => registryEntry(server, origin)),
      metadata: { ...more, count: page.length },
    };
  }

  @Get(':name/versions')
  @ApiOperation({ summary: 'The version of a server: there is one, the one that runs' })
  @ApiResponse({ status: 200, standardSchema: ServerList })
  async versions(
    @Param('name') name: string,
    @Caller() caller: Principal,
    @Req() request: FastifyRequest,
  ): Promise<ServerList> {
    const server = await this.find(name, caller);
    return { servers: [registryEntry(server, originOf(request))], metadata: { count: 1 } };
  }

  @Get(':name/versions/:version')
  @ApiOperation({ summary: 'One version of a server, by its number or as "latest"' })
  async version(
    @Param('name') name: string,
    @Param('version') version: string,
    @Caller() caller: Principal,
    @Req() request: FastifyRequest,
  ): Promise<ReturnType<typeof registryEntry>> {
    const server = await this.find(name, caller);
    if (version !== 'latest' && version !== versionOf(server)) throw unknown(`${name} ${version}`);
    return registryEntry(server, originOf(request));
  }

  private async find(name: string, caller: Principal): Promise<Server> {
    const server = (await this.visible.of(caller)).find((one) => nameOf(one) === name);
    if (!server) throw unknown(name);
    return server;
  }
}

function isWanted(server: Server, { search, updated_since: since, version }: RegistryQuery): boolean {
  if (search !== undefined && !nameOf(server).toLowerCase().includes(search.toLowerCase())) return false;
  if (since !== undefined && Date.parse(server.updatedAt) < Date.parse(since)) return false;
  return version === undefined || version === 'latest' || version === versionOf(server);
}

/** `error` is where clients of the registry API look. */
function unknown(what: string): AppError {
  return new AppError('server_not_found', `There is no server ${what}`, { data: { error: 'Server not found' } });
}
