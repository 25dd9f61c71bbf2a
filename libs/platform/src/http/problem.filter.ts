import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { AppError, type ErrorCode } from '@mcp-router/shared';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';

/** What Nest and Fastify throw by themselves, in our words. */
const BY_STATUS: Record<number, ErrorCode> = {
  400: 'invalid_request',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'route_not_found',
  405: 'method_not_allowed',
  406: 'not_acceptable',
  413: 'payload_too_large',
  415: 'unsupported_media_type',
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
    void reply
      .status(error.status)
      .header('content-type', 'application/problem+json; charset=utf-8')
      .send(JSON.stringify(error.toProblem(request.id)));
  }
}

function toAppError(thrown: unknown, request: FastifyRequest): AppError {
  if (thrown instanceof AppError) return thrown;
  if (isFastifyError(thrown)) {
    if (thrown.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
      return new AppError('unsupported_media_type', 'This content type is not supported', {
        hint: 'Send application/json',
      });
    }
    if (thrown.code === 'FST_ERR_CTP_BODY_TOO_LARGE')
      return new AppError('payload_too_large', 'The body is larger than the limit');
    if (thrown.code.startsWith('FST_ERR_CTP_')) {
      return new AppError('malformed_json', 'The body is not valid JSON', {
        hint: 'Check quotes, commas and encoding (UTF-8)',
      });
    }
  }
  const status = thrown instanceof HttpException ? thrown.getStatus() : statusOf(thrown);
  if (thrown instanceof SyntaxError && status === 400)
    return new AppError('malformed_json', 'The body is not valid JSON', { cause: thrown });
  if (status === 404) {
    return new AppError('route_not_found', `There is no ${request.method} ${request.url.split('?')[0] ?? ''}`, {
      hint: 'See /docs',
    });
  }
  const code = status === undefined ? undefined : BY_STATUS[status];
  return code
    ? new AppError(code, thrown instanceof Error ? thrown.message : code, { cause: thrown })
    : AppError.from(thrown);
}

function isFastifyError(thrown: unknown): thrown is Error & { code: string } {
  return (
    thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' && thrown.code.startsWith('FST_')
  );
}

function statusOf(thrown: unknown): number | undefined {
  return thrown instanceof Error && 'statusCode' in thrown && typeof thrown.statusCode === 'number'
    ? thrown.statusCode
    : undefined;
}
