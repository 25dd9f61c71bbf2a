import {
  createParamDecorator,
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { contextOf, runInContext } from '@mcp-router/platform';
import type { Principal } from '@mcp-router/shared';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Observable } from 'rxjs';

/** Set by the guard; absent on public routes. */
export interface GatewayRequest extends FastifyRequest {
  principal?: Principal;
}

/** The caller, as a controller's parameter. */
export const Caller = createParamDecorator(
  (_: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<GatewayRequest>().principal,
);

const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Starts the context that bus calls and log lines carry: request id, trace, caller, and the end when the client leaves. */
@Injectable()
export class RequestContext implements NestInterceptor {
  intercept(execution: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = execution.switchToHttp();
    const request = http.getRequest<GatewayRequest>();
    const response = http.getResponse<FastifyReply>().raw;
    const left = new AbortController();
    response.once('close', () => {
      if (!response.writableFinished) left.abort();
    });
    const { traceparent } = request.headers;
    const context = contextOf({
      requestId: request.id,
      principal: request.principal,
      signal: left.signal,
      ...(typeof traceparent === 'string' && TRACEPARENT.test(traceparent) ? { traceparent } : {}),
    });
    return new Observable((subscriber) => runInContext(context, () => next.handle().subscribe(subscriber)));
  }
}
