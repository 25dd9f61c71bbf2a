import type { IncomingMessage } from 'node:http';
import { randomUUID } from 'node:crypto';
import multipart from '@fastify/multipart';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { DynamicModule } from '@nestjs/common';
import {
  busTransport,
  Health,
  NestLogger,
  ProblemFilter,
  validationPipe,
  type StartContext,
} from '@mcp-router/platform';
import { AppError } from '@mcp-router/shared';
import { Bus } from '@mcp-router/platform';
import { OriginCheck } from '../access/origin';
import type { GatewayEnv } from '../config';
import { serveOpenApi } from './openapi';

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '::1']);
const REQUEST_ID = /^[\w.-]{1,64}$/;

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
  const origins = new OriginCheck({
    host: env.HOST,
    allowedHosts: env.ALLOWED_HOSTS,
    allowedOrigins: env.ALLOWED_ORIGINS,
  });
  const adapter = new FastifyAdapter({
    bodyLimit: env.MAX_BODY_BYTES,
    genReqId: (request: IncomingMessage) => requestIdOf(request),
  });
  const app = await NestFactory.create<NestFastifyApplication>(root, adapter, {
    logger: new NestLogger(logger),
    abortOnError: false,
  });
  const server = adapter.getInstance();
  await server.register(multipart as never, { limits: { fileSize: 52_428_800, files: 1 } });
  server.addHook('onRequest', (request, reply, done) => {
    void reply.header('X-Request-Id', request.id);
    try {
      origins.check(request.headers.host, request.headers.origin);
      done();
    } catch (error) {
      const refused = AppError.from(error);
      void reply
        .status(refused.status)
        .type('application/problem+json')
        .send(JSON.stringify(refused.toProblem(request.id)));
    }
  });
  app.useGlobalPipes(validationPipe);
  app.useGlobalFilters(new ProblemFilter(logger));
  app.connectMicroservice(busTransport, { inheritAppConfig: false });
  serveOpenApi(app);
  const bus = app.get(Bus);
  app
    .get(Health)
    .add('router', () =>
      bus.instances('router').length > 0 ? Promise.resolve() : Promise.reject(new Error('no instance is running')),
    );
  await app.startAllMicroservices();
  await app.listen({ port: env.PORT, host: env.HOST });
  logger.info({ url: await app.getUrl() }, 'listening');
  return app;
}

function requestIdOf(request: { headers: NodeJS.Dict<string | string[]> }): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}
