import 'reflect-metadata';
import { Module, type DynamicModule, type INestApplicationContext, type Type } from '@nestjs/common';
import { APP_INTERCEPTOR, NestFactory } from '@nestjs/core';
import type { AsyncMicroserviceOptions } from '@nestjs/microservices';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { DataSource } from 'typeorm';
import type { z } from 'zod';
import { Bus } from './bus/bus';
import { BusModule } from './bus/bus.module';
import { RedisBusServer } from './bus/redis-bus.server';
import { databaseModule, type Migration } from './database/database.module';
import { readEnv, type CommonEnv } from './env';
import { FlagSync } from './flag-sync';
import { Health, serveHealth } from './health';
import { createLogger, NestLogger } from './logging';
import { measureContainer } from './metrics/container-metrics';
import { measureDependencies, type ConnectionPool } from './metrics/dependency-metrics';
import { metrics } from './metrics/metrics';
import { metricsHandler } from './metrics/metrics.handler';
import { measureProcess } from './metrics/process-metrics';
import { startTelemetry } from './telemetry/telemetry';
import { RequestLog } from './request-log';
import { beginStopping } from './stopping';
import { ENV, LOGGER } from './tokens';

export interface App<E extends z.ZodType<CommonEnv>> {
  /** Name on the bus, in logs, and of the Postgres schema. */
  name: string;
  env: E & z.ZodObject;
  module: Type;
  database: { entities: (new () => object)[]; migrations: Migration[] };
  /** How the app starts when it has more doors than the bus (the gateway); default: a service on the bus alone. */
  start?: (root: DynamicModule, start: StartContext<z.output<E>>) => Promise<INestApplicationContext>;
}

export interface StartContext<E> {
  env: E;
  logger: Logger;
}

/** Makes the bus the transport of a Nest microservice: for `createMicroservice` and `connectMicroservice`. */
export const busTransport: AsyncMicroserviceOptions = {
  inject: [RedisBusServer],
  useFactory: (strategy: RedisBusServer) => ({ strategy }),
};

/** What follows the calls in flight when an app stops: children, connections, what is not yet written. */
const ENDING_MS = 5_000;

/** Everything that each app needs, global in its process. */
@Module({})
class PlatformModule {}

/**
 * Starts one app: environment → log → schema → module → bus → health → ready; ends it on SIGTERM, SIGINT, and when the
 * launcher that started it is gone.
 */
export async function boot<E extends z.ZodType<CommonEnv>>(app: App<E>): Promise<void> {
  endWithLauncher(() => process.exit(0));
  let env: z.output<E>;
  try {
    env = readEnv(app.env, process.env);
  } catch (error) {
    process.stderr.write(`${app.name}: ${(error as Error).message}\n`);
    process.exit(78); // EX_CONFIG
  }
  const logger = createLogger(app.name, env.LOG_LEVEL);
  process.on('unhandledRejection', (error) => logger.error({ err: error }, 'unhandled rejection'));
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'uncaught exception');
    process.exit(1);
  });
  measureProcess(metrics);
  measureContainer(metrics);
  const endTelemetry = startTelemetry(app.name, env, logger);
  try {
    const start = app.start ?? startService;
    const running = await start(rootModule(app, env, logger), { env, logger });
    const health = running.get(Health);
    addChecks(running, health);
    const probes =
      env.HEALTH_PORT === undefined
        ? undefined
        : await serveHealth(health, { port: env.HEALTH_PORT, host: env.HEALTH_HOST });
    endWell(running, health, logger, env.SHUTDOWN_TIMEOUT_MS, async () => {
      probes?.close();
      await endTelemetry();
    });
    logger.info({ pid: process.pid }, 'ready');
    process.send?.({ type: 'ready' });
  } catch (error) {
    logger.fatal({ err: error }, `could not start: ${(error as Error).message}`);
    process.exit(1);
  }
}

function rootModule<E extends CommonEnv>(app: App<z.ZodType<E>>, env: E, logger: Logger): DynamicModule {
  return {
    module: PlatformModule,
    global: true,
    imports: [
      BusModule.forRoot({
        app: app.name,
        redisUrl: env.REDIS_URL,
        prefix: env.REDIS_PREFIX,
        drainMs: env.SHUTDOWN_TIMEOUT_MS,
        logsRequests: logger.isLevelEnabled('debug'),
      }),
      databaseModule({ schema: app.name, url: env.DATABASE_URL, poolSize: env.DATABASE_POOL_SIZE, ...app.database }),
      app.module,
    ],
    controllers: [metricsHandler(app.name)],
    providers: [
      { provide: ENV, useValue: env },
      { provide: LOGGER, useValue: logger },
      Health,
      FlagSync,
      ...(logger.isLevelEnabled('debug') ? [{ provide: APP_INTERCEPTOR, useClass: RequestLog }] : []),
    ],
    exports: [ENV, LOGGER, Health],
  };
}

async function startService<E>(root: DynamicModule, { logger }: StartContext<E>): Promise<INestApplicationContext> {
  const app = await NestFactory.createMicroservice<AsyncMicroserviceOptions>(root, {
    ...busTransport,
    logger: new NestLogger(logger),
    abortOnError: false,
  });
  await app.listen();
  return app;
}

function addChecks(app: INestApplicationContext, health: Health): void {
  const database = app.get(DataSource);
  const bus = app.get(Bus);
  measureDependencies(metrics, {
    pool: (database.driver as unknown as { master: ConnectionPool }).master,
    probes: {
      postgres: () => database.query('SELECT 1'),
      redis: () => app.get(RedisBusServer).unwrap<Redis>().ping(),
    },
    recordsDropped: () => bus.recordsDropped,
  });
  health.add('postgres', async () => {
    await database.query('SELECT 1');
  });
  health.add('redis', () => (bus.isReady ? Promise.resolve() : Promise.reject(new Error('not connected'))));
}

function endWell(
  app: INestApplicationContext,
  health: Health,
  logger: Logger,
  timeoutMs: number,
  afterwards: () => Promise<void>,
): void {
  let ending = false;
  const end = (why: string) => {
    if (ending) return;
    ending = true;
    logger.info({ why }, 'stopping');
    health.stop();
    beginStopping(timeoutMs);
    setTimeout(() => {
      logger.error('did not stop in time');
      process.exit(1);
    }, timeoutMs + ENDING_MS).unref();
    app.close().then(
      () => void afterwards().finally(() => process.exit(0)),
      (error: unknown) => {
        logger.error({ err: error }, 'failed while stopping');
        process.exit(1);
      },
    );
  };
  process.once('SIGTERM', () => end('SIGTERM'));
  process.once('SIGINT', () => end('SIGINT'));
  endWithLauncher(() => end('the launcher is gone'));
}

/**
 * The launcher holds an ipc channel to each service: when it dies, also by kill -9, the channel closes. Replaces what was
 * to be done before; acts at once when the channel has closed while nobody listened.
 */
function endWithLauncher(end: () => void): void {
  if (!process.send) return;
  process.removeAllListeners('disconnect').once('disconnect', end);
  if (!process.connected) end();
}
