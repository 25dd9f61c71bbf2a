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

/** Nest's log lines through pino; its start-up chatter is `debug`. An object that is logged gives fields of the line. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, ...rest: unknown[]): void {
    this.write('debug', message, rest);
  }
  error(message: unknown, ...rest: unknown[]): void {
    this.write('error', message, rest);
  }
  warn(message: unknown, ...rest: unknown[]): void {
    this.write('warn', message, rest);
  }
  debug(message: unknown, ...rest: unknown[]): void {
    this.write('debug', message, rest);
  }
  verbose(message: unknown, ...rest: unknown[]): void {
    this.write('trace', message, rest);
  }

  /** @param rest what more the caller gave (a text, or a stack trace), and the name of the caller's logger */
  private write(level: 'error' | 'warn' | 'debug' | 'trace', message: unknown, rest: unknown[]): void {
    const from = rest.at(-1);
    const more = rest.length > 1 ? rest[0] : undefined;
    if (typeof message !== 'object' || message === null) {
      this.logger[level]({ from, ...(more !== undefined && { stack: more }) }, String(message));
      return;
    }
    const fields = message instanceof Error ? { err: message } : message;
    const fault = 'err' in fields && fields.err instanceof Error ? fields.err.message : '';
    this.logger[level]({ ...fields, from }, typeof more === 'string' ? more : fault);
  }
}
