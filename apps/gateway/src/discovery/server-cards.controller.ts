import { createHash } from 'node:crypto';
import { Controller, Get, Headers, Param, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { AppError, type Principal } from '@mcp-router/shared';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Public } from '../access/access.guard';
import { Caller } from '../http/request-context';
import { originOf } from './origin-of';
import { serverCard } from './server-json';
import { VisibleServers } from './visible-servers';

const CARD_TYPE = 'application/mcp-server-card+json';
const CATALOG_TYPE = 'application/ai-catalog+json';
const RELEASE = '0.1.0';

/**
 * Server cards (`io.modelcontextprotocol/server-card`), each below the address of its endpoint, and the catalogue of this
 * host that names them.
 */
@ApiTags('registry')
@Controller()
export class ServerCardsController {
  constructor(private readonly visible: VisibleServers) {}

  /** Names the card of the aggregate endpoint. The cards of single servers need a key. */
  @Get('.well-known/ai-catalog.json')
  @ApiOperation({ summary: 'The catalogue of this host, which names the server cards' })
  @Public()
  async catalog(
    @Req() request: FastifyRequest,
    @Headers('if-none-match') known: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const entry = {
      identifier: 'urn:air:mcp-router:all',
      type: CARD_TYPE,
      url: `${originOf(request)}/mcp/server-card`,
    };
    await send(reply, CATALOG_TYPE, { specVersion: '1.0', entries: [entry] }, 'public', known);
  }

  @Get('mcp/server-card')
  @ApiOperation({ summary: 'The server card of /mcp' })
  @Public()
  async aggregate(
    @Req() request: FastifyRequest,
    @Headers('if-none-match') known: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await send(reply, CARD_TYPE, serverCard(originOf(request), RELEASE), 'public', known);
  }

  @Get('mcp/:slug/server-card')
  @ApiOperation({ summary: 'The server card of /mcp/{slug}' })
  async server(
    @Param('slug') slug: string,
    @Caller() caller: Principal,
    @Req() request: FastifyRequest,
    @Headers('if-none-match') known: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const server = (await this.visible.of(caller)).find((one) => one.slug === slug);
    if (!server) throw new AppError('server_not_found', `There is no server "${slug.slice(0, 64)}"`);
    await send(reply, CARD_TYPE, serverCard(originOf(request), RELEASE, server), 'private', known);
  }
}

/** Pages of any origin may read cards: they are advice, never a secret. */
async function send(
  reply: FastifyReply,
  type: string,
  document: object,
  audience: 'public' | 'private',
  known: string | undefined,
): Promise<void> {
  const body = JSON.stringify(document);
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  void reply.headers({
    'access-control-allow-origin': '*',
    'cache-control': `${audience}, max-age=${audience === 'public' ? 3600 : 60}`,
    vary: 'Authorization',
    etag,
  });
  if (known?.replace(/^W\//, '') === etag) await reply.status(304).send();
  else await reply.type(type).send(body);
}
