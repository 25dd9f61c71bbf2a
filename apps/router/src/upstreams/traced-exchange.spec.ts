import { contextOf, runInContext, tracer, type FinishedSpan } from '@mcp-router/platform';
import { parseRpc, SYSTEM_PRINCIPAL } from '@mcp-router/shared';
import { traceExchange, withTraceparent } from './traced-exchange';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = `00-${TRACE}-00f067aa0ba902b7-01`;

describe('the span of a request to a server', () => {
  const spans: FinishedSpan[] = [];
  beforeEach(() => tracer.start({ add: (span) => void spans.push(span) }));
  afterEach(() => {
    tracer.stop();
    spans.length = 0;
  });

  const trace = (message: object, traceparent: string | undefined) => {
    const exchange = {
      message: parseRpc(JSON.stringify(message)),
      principal: SYSTEM_PRINCIPAL,
      signal: new AbortController().signal,
    };
    return runInContext(contextOf({ traceparent }), () => traceExchange(exchange, 'git', 'pipe', undefined));
  };

  it('is a child of the request, has the names of OpenTelemetry, and is told to the server', () => {
    const params = { name: 'log', arguments: { _meta: 1 }, _meta: { progressToken: 7, traceparent: 'old' } };
    const { exchange, span } = trace({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }, PARENT);
    span?.end('upstream_timeout');
    expect(spans).toMatchObject([
      {
        name: 'tools/call log',
        kind: 'client',
        parentSpanId: '00f067aa0ba902b7',
        context: { traceId: TRACE },
        error: 'upstream_timeout',
        attributes: {
          'mcp.method.name': 'tools/call',
          'gen_ai.tool.name': 'log',
          'mcp_router.server': 'git',
          'network.transport': 'pipe',
          'error.type': 'upstream_timeout',
        },
      },
    ]);
    const sent = JSON.parse(exchange.message.text) as { params: object };
    expect(sent.params).toEqual({ ...params, _meta: { progressToken: 7, traceparent: span?.traceparent } });
  });

  it('is not begun for the router’s own requests, nor for a trace that its caller decided against', () => {
    const message = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
    for (const traceparent of [undefined, PARENT.replace(/1$/, '0')]) {
      const { exchange, span } = trace(message, traceparent);
      expect(span).toBeUndefined();
      expect(exchange.message.text).toBe(JSON.stringify(message));
    }
  });

  it.each([
    ['{"jsonrpc":"2.0","id":1,"method":"ping"}', { _meta: { traceparent: PARENT } }],
    ['{"jsonrpc":"2.0","id":1,"method":"ping","params":{}}', { _meta: { traceparent: PARENT } }],
    ['{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":1,"_meta":{}}}', { a: 1, _meta: { traceparent: PARENT } }],
  ])('is written into %s', (text, params) => {
    const { text: written } = withTraceparent(parseRpc(text), PARENT);
    expect(JSON.parse(written)).toMatchObject({ jsonrpc: '2.0', id: 1, method: 'ping', params });
  });
});
