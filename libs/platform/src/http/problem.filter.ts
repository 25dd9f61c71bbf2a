import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { AppError, type ErrorCode } from '@mcp-router/shared';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { refusedText } from '../database/refused-text';

/** What Nest and Fastify throw by themselves, in our words. */
const BY_STATUS: Record<number, [code: ErrorCode, detail?: string, hint?: string]> = {
  400: ['invalid_request'],
  401: ['unauthorized'],
  403: ['forbidden'],
  405: ['method_not_allowed'],
  406: ['not_acceptable'],
  413: ['payload_too_large', 'The body is larger than the limit'],
  415: ['unsupported_media_type', 'This content type is not supported', 'Send application/json'],
};

/** Turns every failure of a REST request into `application/problem+json` (RFC 9457). */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly logger: Logger) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const error = toAppError(thrown, request);
    if (error.status >= 500)
      this.logger.error({ err: error.cause ?? error, code: error.code, path: request.url }, error.detail);
    const reply = http.getResponse<FastifyReply>();
    // A stream that has begun cannot change its status any more; ending it is all that is left.
    if (reply.raw.headersSent) {
      reply.raw.end();
      return;
    }
    if (error.code === 'unauthorized') void reply.header('WWW-Authenticate', 'Bearer realm="mcp-router"');
    if (error.retryAfterSeconds !== undefined) void reply.header('Retry-After', String(error.retryAfterSeconds));
    void reply
      .status(error.status)
      .header('content-type', 'application/problem+json; charset=utf-8')
      .send(JSON.stringify(error.toProblem(request.id)));
  }
}

function toAppError(thrown: unknown, request: FastifyRequest): AppError {
  if (thrown instanceof AppError) return thrown;
  const refused = refusedText(thrown);
  if (refused) return refused;
  const status = thrown instanceof HttpException ? thrown.getStatus() : statusOf(thrown);
  if (status === undefined || !(thrown instanceof Error)) return AppError.from(thrown);
  if (status === 404) {
    const path = request.url.split('?')[0] ?? '';
    return new AppError('route_not_found', `There is no ${request.method} ${path}`, { hint: 'See /docs' });
  }
  if (status === 400 && /json/i.test(thrown.message)) {
    const hint = 'Check quotes, commas and encoding (UTF-8)';
    return new AppError('malformed_json', 'The body is not valid JSON', { cause: thrown, hint });
  }
  const [code, detail, hint] = BY_STATUS[status] ?? ['internal'];
  if (code === 'internal') return AppError.from(thrown);
  return new AppError(code, detail ?? thrown.message, { cause: thrown, ...(hint === undefined ? {} : { hint }) });
}

function statusOf(thrown: unknown): number | undefined {
  const status = thrown instanceof Error && 'statusCode' in thrown ? thrown.statusCode : undefined;
  return typeof status === 'number' ? status : undefined;
}
