import { Controller, Delete, Get, Header, HttpCode, Param, Post, Query, Req } from '@nestjs/common';
import { ApiExcludeController, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Bus } from '@mcp-router/platform';
import { beginSignIn, finishSignIn, signOut, SignIn } from '@mcp-router/shared';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AdminOnly, Public } from '../access/access.guard';
import { originOf } from '../discovery/origin-of';

const CALLBACK = 'oauth/callback';
const METADATA = 'oauth/client-metadata.json';

/** Signing in to servers that want OAuth tokens; it is done once for all who may use the server. */
@ApiTags('servers')
@AdminOnly()
@Controller('api/v1/servers')
export class SignInController {
  constructor(private readonly bus: Bus) {}

  @Post(':server/authorization')
  @ApiOperation({ summary: 'Begin to sign in to a server with "oauth"; open the answered address in a browser' })
  @HttpCode(200)
  @ApiResponse({ status: 200, standardSchema: SignIn })
  begin(@Param('server') server: string, @Req() request: FastifyRequest): Promise<SignIn> {
    const origin = originOf(request);
    // An authorization server reads the document itself, and takes no other scheme.
    const clientMetadataUrl = origin.startsWith('https:') ? `${origin}/${METADATA}` : undefined;
    const redirectUri = `${origin}/${CALLBACK}`;
    return this.bus.call(beginSignIn, { server, redirectUri, ...(clientMetadataUrl && { clientMetadataUrl }) });
  }

  @Delete(':server/authorization')
  @ApiOperation({ summary: 'Sign out: forget the tokens of a server' })
  @HttpCode(204)
  async end(@Param('server') server: string): Promise<void> {
    await this.bus.call(signOut, { server });
  }
}

const text = (max: number) => z.string().max(max).optional();
const CallbackQuery = z.object({
  state: z.string().min(1).max(256),
  code: text(8192),
  iss: text(4096),
  error: text(256),
});

/** What authorization servers and the browsers that come from them ask for. */
@ApiExcludeController()
@Controller()
export class SignInCallbackController {
  constructor(private readonly bus: Bus) {}

  @Get(CALLBACK)
  @Public()
  @Header('content-type', 'text/plain; charset=utf-8')
  @Header('referrer-policy', 'no-referrer')
  @Header('cache-control', 'no-store')
  async finish(@Query({ schema: CallbackQuery }) query: z.output<typeof CallbackQuery>): Promise<string> {
    const { server } = await this.bus.call(finishSignIn, query);
    return `The router is signed in to "${server}". This page can be closed.\n`;
  }

  /** The client metadata document, whose address is the client's id. */
  @Get(METADATA)
  @Public()
  metadata(@Req() request: FastifyRequest): Record<string, unknown> {
    const origin = originOf(request);
    return {
      client_id: `${origin}/${METADATA}`,
      client_name: 'MCP Router',
      redirect_uris: [`${origin}/${CALLBACK}`],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    };
  }
}
