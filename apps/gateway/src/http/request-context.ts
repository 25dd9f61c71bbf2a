import type { ServerResponse } from 'node:http';
import {
  createParamDecorator,
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { contextOf, runInContext, tracer, type Span } from '@mcp-router/platform';
import type { Principal } from '@mcp-router/shared';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Observable } from 'rxjs';
import { traceparentOf } from '../mcp/edge-trace';

/** Set by the guard; absent on public routes. */
export interface GatewayRequest extends FastifyRequest {
  principal?: Principal;
}

/** The caller, as a controller's parameter. */
export const Caller = createParamDecorator(
  (_: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<GatewayRequest>().principal,
);

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
    const given = traceparentOf(undefined, request.headers['traceparent']);
    const span = tracer.isOn ? traceRequest(request, response, given) : undefined;
    const context = contextOf({
      requestId: request.id,
      principal: request.principal,
      signal: left.signal,
      traceparent: span?.traceparent ?? given,
    });
    return new Observable((subscriber) => runInContext(context, () => next.handle().subscribe(subscriber)));
  }
}

/** The span of a REST request, named by its route. @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/ */
function traceRequest(request: GatewayRequest, response: ServerResponse, given: string | undefined): Span | undefined {
  const { method, routeOptions } = request;
  const route = routeOptions.url ?? '';
  const span = tracer.span(`${method} ${route}`, 'server', given, {
    'http.request.method': method,
    'http.route': route,
  });
  response.once('close', () => {
    const status = response.writableFinished ? response.statusCode : 0;
    const error = status === 0 ? 'cancelled' : status >= 500 ? String(status) : undefined;
    span?.end(error, { 'http.response.status_code': status || undefined });
  });
  return span;
}
