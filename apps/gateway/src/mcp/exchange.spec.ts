import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answers, Bus } from '@mcp-router/platform';
import { SYSTEM_PRINCIPAL, type McpReply, type McpRequest } from '@mcp-router/shared';
import { Exchange } from './exchange';
import { HttpReply } from './http-reply';
import { ListCache } from './list-cache';

const limits = { streamAfterMs: 1_000, keepAliveMs: 1_000 };

/** An exchange that a router has begun to answer with a stream, and what the client has got since. */
function streaming(input: Omit<McpRequest, 'endpoint' | 'kind'>, method: string) {
  const written: string[] = [];
  const response = {
    writableEnded: false,
    writableLength: 0,
    once: () => undefined,
    writeHead: () => undefined,
    flushHeaders: () => undefined,
    write: (text: string) => written.push(text),
    end() {
      this.writableEnded = true;
    },
  };
  const request = { headers: {} } as IncomingMessage;
  const reply = new HttpReply(request, response as unknown as ServerResponse, {}, 1_000_000);
  let router: Answers<McpReply> | undefined;
  const bus = { ask: (_: unknown, __: unknown, answers: Answers<McpReply>) => ((router = answers), () => undefined) };
  const whole: McpRequest = { endpoint: undefined, kind: 'message', ...input };
  const exchange = new Exchange(bus as unknown as Bus, reply, SYSTEM_PRINCIPAL, whole, limits, () => undefined);
  exchange.start({ method }, new ListCache(0));
  router?.next({ body: '{"first":1}' });
  const messages = () => written.flatMap((text) => /data: (\{.*\})/.exec(text)?.[1] ?? []).slice(1);
  return { exchange, router, response, messages: () => messages().map((text) => JSON.parse(text) as object) };
}

const listen = { era: 'modern' as const, body: '{"jsonrpc":"2.0","id":"l","method":"subscriptions/listen"}' };
const call = '{"jsonrpc":"2.0","id":7,"method":"tools/call"}';
const ENDED = {
  jsonrpc: '2.0',
  id: 'l',
  result: { resultType: 'complete', _meta: { 'io.modelcontextprotocol/subscriptionId': 'l' } },
};

describe('a stream that ends because a service stops', () => {
  it('answers a new client that listens, whichever service it is', () => {
    const [atGateway, atRouter] = [
      streaming(listen, 'subscriptions/listen'),
      streaming(listen, 'subscriptions/listen'),
    ];
    atGateway.exchange.abandon();
    atRouter.router?.complete();
    for (const { messages, response } of [atGateway, atRouter]) {
      expect(messages()).toEqual([ENDED]);
      expect(response.writableEnded).toBe(true);
    }
  });

  it('tells a new client, which cannot come back to it, that the outcome of its call is unknown', () => {
    const { exchange, messages } = streaming({ era: 'modern', body: call }, 'tools/call');
    exchange.abandon();
    expect(messages()).toEqual([
      { jsonrpc: '2.0', id: 7, error: expect.objectContaining({ data: { code: 'instance_lost' } }) as object },
    ]);
  });

  it('says nothing to the client of a session, which fetches the rest', () => {
    const session = streaming({ era: 'legacy', session: 'router-1.s', body: call }, 'tools/call');
    session.exchange.abandon();
    expect([session.messages(), session.response.writableEnded]).toEqual([[], true]);
  });
});
