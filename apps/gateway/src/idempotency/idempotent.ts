import { createHash } from 'node:crypto';
import {
  applyDecorators,
  Injectable,
  UseInterceptors,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import { AppError } from '@mcp-router/shared';
import type { FastifyReply } from 'fastify';
import { from, lastValueFrom, type Observable } from 'rxjs';
import type { GatewayRequest } from '../http/request-context';
import { IdempotentRequests } from './idempotent-requests';

const KEY = /^[\x21-\x7e]{1,255}$/;
/** Of the first answer these are given again too. */
const KEPT_HEADERS = ['location', 'etag'];

/** Does a request that carries an `Idempotency-Key` once, and gives the same answer to all that come with the key again. */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(private readonly requests: IdempotentRequests) {}

  intercept(execution: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = execution.switchToHttp();
    const request = http.getRequest<GatewayRequest>();
    const key = request.headers['idempotency-key'];
    if (key === undefined) return next.handle();
    if (typeof key !== 'string' || !KEY.test(key))
      throw new AppError('invalid_request', 'Idempotency-Key must be 1 to 255 visible ASCII characters');
    return from(this.once(key, request, http.getResponse<FastifyReply>(), next));
  }

  private async once(key: string, request: GatewayRequest, reply: FastifyReply, next: CallHandler): Promise<unknown> {
    const agentId = request.principal?.agentId ?? '';
    const hash = createHash('sha256')
      .update(JSON.stringify([request.method, request.url, request.body ?? null]))
      .digest('base64url');
    const before = await this.requests.begin(agentId, key, hash);
    if (before) {
      void reply.headers({ ...before.headers, 'idempotent-replayed': 'true' });
      return before.body;
    }
    try {
      const body: unknown = await lastValueFrom(next.handle());
      const headers = Object.fromEntries(
        KEPT_HEADERS.flatMap((name) => {
          const value = reply.getHeader(name);
          return value === undefined ? [] : [[name, String(value)]];
        }),
      );
      await this.requests.finish(agentId, key, { body, headers });
      return body;
    } catch (error) {
      await this.requests.release(agentId, key);
      throw error;
    }
  }
}

/** Marks a POST that starts something: with an `Idempotency-Key` it can be sent again when its answer was lost. */
export function Idempotent(): MethodDecorator {
  return applyDecorators(
    UseInterceptors(IdempotencyInterceptor),
    ApiHeader({
      name: 'Idempotency-Key',
      required: false,
      description: 'The same key gives the same answer for a day, and does nothing twice',
    }),
  );
}
