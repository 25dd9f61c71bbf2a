import { AppError } from '@mcp-router/shared';
import type { FastifyReply } from 'fastify';
import type { Observable } from 'rxjs';

/** Proxies and browsers give up silent connections; a comment now and then keeps them. */
const HEARTBEAT_MS = 15_000;

/** One event of a `text/event-stream`. */
export interface StreamEvent {
  /** Its name; `message` if absent. */
  event?: string;
  /** For `Last-Event-ID`. */
  id?: string;
  data: unknown;
}

/**
 * Answers with an event stream for as long as the client stays: `data` as one line of JSON. A failure is a last event
 * `error` with the problem; it is an ordinary problem response when it comes before the first event.
 */
export function sendEvents(reply: FastifyReply, events: Observable<StreamEvent>): Promise<void> {
  return new Promise((resolve, reject) => {
    const { raw } = reply;
    let started = false;
    const start = (): void => {
      if (started) return;
      started = true;
      reply.hijack();
      // Where a stopping gateway looks which answers are streams.
      raw.setHeader('content-type', 'text/event-stream');
      raw.writeHead(200, {
        ...(reply.getHeaders() as Record<string, string>),
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      });
    };
    const write = ({ event, id, data }: StreamEvent): void => {
      if (raw.writableEnded) return;
      start();
      const lines = [event && `event: ${event}`, id && `id: ${id}`, `data: ${JSON.stringify(data)}`].filter(Boolean);
      raw.write(`${lines.join('\n')}\n\n`);
    };
    const heartbeat = setInterval(() => {
      start();
      raw.write(': \n\n');
    }, HEARTBEAT_MS).unref();
    const end = (): void => {
      clearInterval(heartbeat);
      if (started) raw.end();
      resolve();
    };
    const subscription = events.subscribe({
      next: write,
      error: (error: unknown) => {
        clearInterval(heartbeat);
        if (!started) return reject(AppError.from(error));
        write({ event: 'error', data: AppError.from(error).toProblem() });
        end();
      },
      complete: () => {
        start();
        end();
      },
    });
    raw.once('close', () => {
      subscription.unsubscribe();
      end();
    });
  });
}
