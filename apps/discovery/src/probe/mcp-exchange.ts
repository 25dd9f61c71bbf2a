import { type Outbound, readText } from '@mcp-router/platform';
import { z } from 'zod';
import { ProbeFailure } from './probe-failure';
import { readEvents } from './sse-reader';

export const MAX_ANSWER_BYTES = 10 * 1024 * 1024;

const RpcAnswer = z.object({
  id: z.union([z.string(), z.number()]).nullish(),
  result: z.record(z.string(), z.unknown()).optional(),
  error: z.object({ code: z.number(), message: z.string().catch(''), data: z.unknown() }).optional(),
});

/** What came back for one POST: the JSON-RPC answer if there was one in the body. */
export interface Answer {
  status: number;
  headers: { get(name: string): string | null };
  result?: Record<string, unknown> | undefined;
  error?: { code: number; message: string; data?: unknown } | undefined;
}

export interface ExchangeOptions {
  outbound: Outbound;
  signal: AbortSignal;
  headers?: Record<string, string>;
}

/** Posts one JSON-RPC message to a Streamable HTTP endpoint and reads its answer, be it JSON or an event stream. */
export async function post(
  url: string,
  message: { id?: number; method: string; params?: unknown },
  { outbound, signal, headers = {} }: ExchangeOptions,
): Promise<Answer> {
  const response = await outbound
    .request(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
      body: JSON.stringify({ jsonrpc: '2.0', ...message }),
      signal,
    })
    .catch((error: unknown) => {
      throw ProbeFailure.of(error);
    });
  try {
    const answer = { status: response.status, headers: response.headers };
    if (message.id === undefined) {
      await response.discard();
      return answer;
    }
    const type = response.headers.get('content-type') ?? '';
    if (!type.startsWith('text/event-stream'))
      return { ...answer, ...readRpc(await readText(response, MAX_ANSWER_BYTES)) };
    for await (const { data } of readEvents(response, MAX_ANSWER_BYTES)) {
      const rpc = readRpc(data);
      if (rpc.id === message.id) return { ...answer, ...rpc };
    }
    return answer;
  } catch (error) {
    throw ProbeFailure.of(error);
  }
}

/** The JSON-RPC answer in a text; empty for anything else, since what is not one is told apart by its status. */
export function readRpc(text: string): Partial<z.infer<typeof RpcAnswer>> {
  try {
    return RpcAnswer.parse(JSON.parse(text));
  } catch {
    return {};
  }
}
