import { Inject, Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { Logger } from 'pino';
import { finalize, type Observable } from 'rxjs';
import { LOGGER } from './tokens';

/** One debug line an HTTP request, as the bus writes one for each of its own. Only there when it would be seen. */
@Injectable()
export class RequestLog implements NestInterceptor {
  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() !== 'http') return next.handle();
    const handler = `${context.getClass().name}.${context.getHandler().name}`;
    const startedAt = performance.now();
    return next
      .handle()
      .pipe(
        finalize(() =>
          this.logger.debug({ handler, ms: Math.round((performance.now() - startedAt) * 10) / 10 }, 'handled'),
        ),
      );
  }
}
