import type { Outbound } from '@mcp-router/platform';
import { refuseFailure } from './era';
import { type Answer, MAX_ANSWER_BYTES, post, readRpc } from './mcp-exchange';
import { ProbeFailure } from './probe-failure';
import { readEvents } from './sse-reader';

/** A connection of the HTTP+SSE transport (2024-11-05): answers come on the GET stream, not on the POST. */
export interface SseSession {
  ask(method: string, params: Record<string, unknown>): Promise<Answer>;
  notify(method: string): Promise<void>;
}

/**
 * Opens the event stream and waits for its `endpoint` event; the signal ends the session.
 * @throws ProbeFailure `protocol_unsupported` when the URL is no such endpoint
 */
export async function openSse(url: string, outbound: Outbound, signal: AbortSignal): Promise<SseSession> {
  const response = await outbound
    .request(url, { method: 'GET', headers: { accept: 'text/event-stream' }, signal })
    .catch((error: unknown) => {
      throw ProbeFailure.of(error);
    });
  const isStream =
    response.status < 300 && (response.headers.get('content-type') ?? '').startsWith('text/event-stream');
  if (!isStream) {
    await response.discard();
    refuseFailure(response.status, response.headers);
    throw new ProbeFailure('protocol_unsupported', `The URL is no MCP endpoint (GET answers ${response.status})`);
  }
  const events = readEvents(response, MAX_ANSWER_BYTES);
  const first = (await events.next()).value;
  if (first?.event !== 'endpoint' || !URL.canParse(first.data, url))
    throw new ProbeFailure('protocol_unsupported', 'The event stream does not begin with an "endpoint" event');
  const endpoint = new URL(first.data, url);
  if (endpoint.origin !== new URL(url).origin)
    throw new ProbeFailure('protocol_unsupported', 'The endpoint of the event stream is on another origin');

  let id = 0;
  const send = async (message: { id?: number; method: string; params?: unknown }) => {
    const answer = await post(endpoint.href, message, { outbound, signal });
    refuseFailure(answer.status, answer.headers);
    return answer;
  };
  return {
    async ask(method, params) {
      const request = { id: ++id, method, params };
      const accepted = await send(request);
      if (accepted.status >= 300) return accepted;
      for (;;) {
        const { value, done } = await events.next();
        if (done) throw new ProbeFailure('connection_failed', 'The event stream ended before the answer');
        const rpc = readRpc(value.data);
        if (rpc.id === request.id) return { ...accepted, ...rpc };
      }
    },
    async notify(method) {
      await send({ method });
    },
  };
}
