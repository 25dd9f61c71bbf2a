import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import multipart from '@fastify/multipart';
import type { DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import {
  Bus,
  busTransport,
  Health,
  NestLogger,
  ProblemFilter,
  validationPipe,
  type StartContext,
} from '@mcp-router/platform';
import { AppError } from '@mcp-router/shared';
import { OriginCheck } from '../access/origin';
import type { GatewayEnv } from '../config';
import { McpEdge } from '../mcp/mcp-edge';
import { isCardRequest } from '../mcp/routes';
import { DoorCloser } from './door-closer';
import { HttpDrain } from './http-drain';
import { answerLauncher } from './launcher';
import { serveOpenApi } from './openapi';
import { requestIdOf } from './request-id';

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '::1']);
const CATALOG_PATH = '/.well-known/ai-catalog.json';
const MAX_UPLOAD_BYTES = 52_428_800;

/**
 * Opens the one door: MCP requests go straight to the MCP edge, everything else through Fastify and Nest.
 *
 * @throws Error when anonymous access is asked for on an address that others can reach
 */
export async function openDoor(
  root: DynamicModule,
  { env, logger }: StartContext<GatewayEnv>,
): Promise<NestFastifyApplication> {
  if (env.ANONYMOUS_ACCESS && !LOOPBACK.has(env.HOST)) {
    throw new Error(`ANONYMOUS_ACCESS works on loopback only, and HOST is ${env.HOST}`);
  }
  // Set when the module stands, which needs the adapter first.
  const mcp: { edge?: McpEdge } = {};
  const drain = new HttpDrain();
  const adapter = new FastifyAdapter({
    bodyLimit: env.MAX_BODY_BYTES,
    genReqId: (request: IncomingMessage) => requestIdOf(request),
    serverFactory: (fastify: RequestListener) =>
      createServer((request, response) => {
        const isMcp = isMcpPath(request);
        drain.track(response, isMcp);
        if (mcp.edge && isMcp) mcp.edge.handle(request, response);
        else fastify(request, response);
      }),
  });
  const app = await NestFactory.create<NestFastifyApplication>(root, adapter, {
    logger: new NestLogger(logger),
    abortOnError: false,
  });
  mcp.edge = app.get(McpEdge);
  app.get(DoorCloser).useDoor(adapter.getHttpServer(), drain);
  await app.register(multipart, { limits: { fileSize: MAX_UPLOAD_BYTES, files: 1 } });
  checkOrigins(adapter, app.get(OriginCheck));
  allowEmptyDelete(adapter);
  app.useGlobalPipes(validationPipe);
  app.useGlobalFilters(new ProblemFilter(logger));
  app.connectMicroservice(busTransport, { inheritAppConfig: false });
  serveOpenApi(app);
  requireRouter(app.get(Health), app.get(Bus));
  await app.startAllMicroservices();
  await app.listen({ port: env.PORT, host: env.HOST });
  answerLauncher(app.get(Bus));
  logger.info({ url: await app.getUrl() }, 'listening');
  return app;
}

function checkOrigins(adapter: FastifyAdapter, origins: OriginCheck): void {
  adapter.getInstance().addHook('onRequest', (request, reply, done) => {
    void reply.header('X-Request-Id', request.id);
    try {
      // Cards are advice for pages of any origin; a rebound name is still refused.
      const isCard = isCardRequest(request.method, request.url) || request.url === CATALOG_PATH;
      origins.check(request.headers.host, isCard ? undefined : request.headers.origin);
      done();
    } catch (error) {
      const refused = AppError.from(error);
      void reply
        .status(refused.status)
        .type('application/problem+json')
        .send(JSON.stringify(refused.toProblem(request.id)));
    }
  });
}

/** Clients that say `application/json` with every request say it of a DELETE without a body too. */
function allowEmptyDelete(adapter: FastifyAdapter): void {
  adapter.getInstance().addHook('onRequest', ({ method, headers }, _reply, done) => {
    const isEmpty = headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0;
    if (method === 'DELETE' && isEmpty) delete headers['content-type'];
    done();
  });
}

function requireRouter(health: Health, bus: Bus): void {
  health.add('router', async () => {
    if (bus.instances('router').length === 0) throw new Error('no instance is running');
  });
}

function isMcpPath({ method, url = '' }: IncomingMessage): boolean {
  if (!url.startsWith('/mcp') || (url.length > 4 && url[4] !== '/' && url[4] !== '?')) return false;
  return !isCardRequest(method, url);
}
