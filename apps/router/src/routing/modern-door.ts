import { AppError, readRpc, type McpReply, type McpRequest, type Principal, type RpcText } from '@mcp-router/shared';
import type { BusContext } from '@mcp-router/platform';
import type { ReplySink } from '../sessions/event-stream';
import { envelopeOf, stringParam } from '../translation/envelope';
import { errorCodeOf } from '../translation/results';
import type { ModernCall } from './call';
import { principalOf, reply } from './legacy-door';
import type { Listeners } from './listeners';
import { isWanted } from './log-levels';
import { LISTS, type McpRouter } from './mcp-router';
import { errorResponse, resultResponse } from './response';

/** HTTP statuses of JSON-RPC errors; all others are 200 (2026-07-28, streamable-http). */
const STATUS: Record<number, number | undefined> = { [-32601]: 404, [-32020]: 400, [-32021]: 400, [-32022]: 400 };

/** Serves clients of 2026-07-28: each request stands alone. */
export class ModernDoor {
  constructor(
    private readonly router: McpRouter,
    private readonly listeners: Listeners,
  ) {}

  /** Answers one exchange; when the client is gone before the end, the request is cancelled. */
  serve(input: McpRequest, context: BusContext, sink: ReplySink): void {
    const message = readRpc(input.body ?? '');
    if (message.kind !== 'request') {
      this.notification(message, input, principalOf(context));
      reply(sink, { last: true });
    } else if (message.method === 'subscriptions/listen') {
      context.markEndless?.();
      this.listeners.open(message, input.endpoint, principalOf(context), context.signal, sink);
    } else {
      const call = toCall(message, input, context, sink);
      this.handle(call, input).then(
        (answered) => {
          answered.last = true;
          reply(sink, answered);
        },
        (error: unknown) => {
          const { code, status } = AppError.from(error);
          const body = errorResponse(call.id, error, 'modern');
          reply(sink, { body, status: code === 'server_not_found' ? status : statusOf(body), last: true });
        },
      );
    }
  }

  private async handle(call: ModernCall, input: McpRequest): Promise<McpReply> {
    const kind = LISTS[call.method];
    if (kind) {
      const list = await this.router.list(call, kind);
      if (list.tag === input.listTag) return { listTag: list.tag };
      return { body: resultResponse(call.id, list.text), listTag: list.tag };
    }
    if (call.method === 'server/discover')
      return { body: resultResponse(call.id, await this.router.discover(call.endpoint)) };
    const body = await this.router.route(call);
    return { body, status: statusOf(body) };
  }

  /** Cancelling is closing the stream; what else a server of one's own may want to know is passed on. */
  private notification(message: RpcText, { endpoint }: McpRequest, principal: Principal): void {
    if (endpoint === undefined || message.kind !== 'notification' || message.method === 'notifications/cancelled')
      return;
    const upstream = this.router.single(endpoint);
    if (upstream?.info?.era === 'modern') upstream.notify(message, { principal });
  }
}

function toCall(request: RpcText, input: McpRequest, context: BusContext, sink: ReplySink): ModernCall {
  const envelope = envelopeOf(request);
  const { signal } = context;
  return {
    era: 'modern',
    session: undefined,
    request,
    id: request.id as string,
    method: request.method as string,
    endpoint: input.endpoint,
    principal: principalOf(context),
    context,
    signal,
    headers: input.headers,
    envelope,
    upstreamMs: 0,
    take: (message) => {
      if (message.kind !== 'notification' || signal.aborted) return;
      if (message.method === 'notifications/message') {
        const { logLevel } = envelope;
        if (logLevel === undefined) return;
        if (!isWanted(stringParam(message, ['level']), JSON.parse(logLevel) as string)) return;
      }
      sink.send({ body: message.text });
    },
  };
}

function statusOf(response: string): number | undefined {
  const code = errorCodeOf(response);
  return code === undefined ? undefined : STATUS[code];
}
