import type { LoggerService } from '@nestjs/common';
import { pino, type Logger, type LoggerOptions } from 'pino';
import { currentContext } from './bus/context';

/** Header and field names whose values are never written. */
const SECRETS = [
  'authorization',
  '*.authorization',
  'headers.authorization',
  '*.password',
  '*.secret',
  '*.env',
  'env',
  'headers.cookie',
];

/** The process's logger: JSON lines with the service, and the request id and trace of what is being handled. */
export function createLogger(service: string, level: string): Logger {
  const output = pino.destination({ sync: true });
  // Each line is out when it is logged. On a pipe whose reader is gone a flush would try for ever, after `fatal` also, and
  // the service would outlive the launcher.
  output.flushSync = () => undefined;
  const options: LoggerOptions = {
    level,
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: SECRETS, censor: '[redacted]' },
    mixin: () => {
      const context = currentContext();
      return context
        ? { requestId: context.requestId, ...(context.traceparent ? { traceparent: context.traceparent } : {}) }
        : {};
    },
  };
  return pino(options, output);
}

/** Nest's own log lines through pino; its start-up chatter is `debug`. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, ...rest: unknown[]): void {
    this.logger.debug({ from: rest.at(-1) }, String(message));
  }
  error(message: unknown, ...rest: unknown[]): void {
    const from = rest.at(-1);
    if (message instanceof Error) this.logger.error({ err: message, from }, message.message);
    // Fields, with the failure among them.
    else if (typeof message === 'object' && message !== null)
      this.logger.error({ ...message, from }, reasonIn(message));
    else this.logger.error({ from: rest.at(-1), stack: rest.length > 1 ? rest[0] : undefined }, String(message));
  }
  warn(message: unknown, ...rest: unknown[]): void {
    this.logger.warn({ from: rest.at(-1) }, String(message));
  }
  debug(message: unknown, ...rest: unknown[]): void {
    this.logger.debug({ from: rest.at(-1) }, String(message));
  }
  verbose(message: unknown, ...rest: unknown[]): void {
    this.logger.trace({ from: rest.at(-1) }, String(message));
  }
}

function reasonIn({ err }: { err?: unknown }): string {
  return err instanceof Error ? err.message : 'failed';
}
