import { Metrics } from '../metrics/metrics';
import { startCollector, textOf, type Collector } from '../testing/telemetry/collector';
import { OtlpExporter, type OtlpOptions } from './otlp-exporter';
import { readTraceparent, toTraceparent } from './span';
import { Tracer } from './tracer';

describe('what is sent to a collector', () => {
  let collector: Collector;
  let metrics: Metrics;
  const problems: string[] = [];
  const exporters: OtlpExporter[] = [];
  beforeEach(async () => {
    collector = await startCollector();
    metrics = new Metrics();
    problems.length = 0;
  });
  afterEach(async () => {
    await Promise.all(exporters.splice(0).map((exporter) => exporter.close()));
    await collector.close();
  });

  const open = (options: Partial<OtlpOptions> = {}): OtlpExporter => {
    const exporter = new OtlpExporter(
      {
        endpoint: `${collector.url}/`,
        headers: { authorization: 'Bearer x' },
        resource: { 'service.name': 'test', n: 3, half: 0.5, yes: true },
        timeoutMs: 20_000,
        metricsEveryMs: undefined,
        sendsTraces: true,
        onProblem: (problem) => problems.push(problem),
        ...options,
      },
      metrics,
    );
    exporters.push(exporter);
    return exporter;
  };
  const counted = (name: string, signal: string): number =>
    metrics
      .read()
      .find((metric) => metric.name === name)
      ?.samples.find(({ labels }) => labels[0] === signal)?.value ?? 0;

  it('is spans as the protocol wants them, one below the other', async () => {
    const exporter = open();
    const tracer = new Tracer();
    tracer.start(exporter);
    const outer = tracer.span('GET /x', 'server', undefined, { a: 'text', missing: undefined });
    const inner = tracer.span('tools/call log', 'client', outer?.traceparent);
    inner?.end('upstream_timeout', { 'http.response.status_code': 504 });
    inner?.end();
    outer?.end();
    await exporter.close();
    expect(collector.faults).toEqual([]);
    expect(collector.headers[0]).toMatchObject({ 'content-type': 'application/json', authorization: 'Bearer x' });
    const [client, server] = collector.spans;
    expect(collector.spans).toHaveLength(2);
    expect(client).toMatchObject({ parentSpanId: server?.spanId, traceId: server?.traceId, kind: 3, service: 'test' });
    expect(client?.status).toEqual({ code: 2, message: 'upstream_timeout' });
    expect(textOf(client?.attributes ?? [], 'error.type')).toBe('upstream_timeout');
    expect(server?.parentSpanId).toBeUndefined();
  });

  it('is metrics under the names of OpenTelemetry, histograms whole', async () => {
    const exporter = open({ metricsEveryMs: 60_000 });
    metrics.counter('mcp_router_retries_total', 'Retries', ['server']).with('git').add(2);
    metrics.gauge('process_resident_memory_bytes', 'Memory').with().set(5);
    const duration = metrics.histogram('mcp_server_operation_duration_seconds', 'Time', [
      'gen_ai_tool_name',
      'error_type',
    ]);
    for (const value of [0, 0.5, 1, 1.01, 1000]) duration.with('log', '').record(value);
    metrics.counter('never_total', 'A metric without series', ['x']);
    await exporter.close();
    expect(collector.faults).toEqual([]);
    expect(collector.metrics.get('mcp_router.retries')).toMatchObject({
      sum: { isMonotonic: true, dataPoints: [{ asDouble: 2 }] },
    });
    expect(collector.metrics.get('process.memory.usage')).toMatchObject({ unit: 'By', gauge: {} });
    expect(collector.metrics.get('mcp.server.operation.duration')).toMatchObject({
      unit: 's',
      exponentialHistogram: {
        dataPoints: [
          {
            attributes: [{ key: 'gen_ai.tool.name', value: { stringValue: 'log' } }],
            count: '5',
            zeroCount: '1',
            scale: 5,
            max: 1000,
            // 0.5 = 2^(-32/32) is the upper end of bucket -33.
            positive: { offset: -33 },
          },
        ],
      },
    });
    expect(collector.metrics.has('never')).toBe(false);
  });

  it('is sent again when the collector is overloaded, and counted when it refuses', async () => {
    collector.refuseWith = [503, 429];
    const exporter = open();
    const tracer = new Tracer();
    tracer.start(exporter);
    for (let i = 0; i < 512; i++) tracer.span('x', 'internal', undefined)?.end();
    while (counted('mcp_router_telemetry_sent_total', 'spans') < 512) await new Promise((done) => setTimeout(done, 20));
    expect(collector.spans).toHaveLength(512);
    expect(collector.headers).toHaveLength(3);
    collector.refuseWith = [400];
    tracer.span('x', 'internal', undefined)?.end();
    await exporter.close();
    expect(counted('mcp_router_telemetry_dropped_total', 'spans')).toBe(1);
    expect(problems).toEqual(['The collector answered traces with status 400']);
  });

  it('never grows beyond its bounds while the collector is away', async () => {
    await collector.close();
    const exporter = open({ timeoutMs: 10_000 });
    const tracer = new Tracer();
    tracer.start(exporter);
    for (let i = 0; i < 10_000; i++) tracer.span('x', 'internal', undefined)?.end();
    expect(counted('mcp_router_telemetry_dropped_total', 'spans')).toBeGreaterThan(5_000);
    await exporter.close();
    expect(counted('mcp_router_telemetry_dropped_total', 'spans')).toBe(10_000);
    expect(problems).toHaveLength(1);
    collector = await startCollector();
  });
});

describe('a trace', () => {
  const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

  it('is not begun at all while nobody collects', () => {
    const tracer = new Tracer();
    expect(tracer.isOn).toBe(false);
    expect(tracer.span('x', 'server', undefined)).toBeUndefined();
  });

  it('goes on only if the caller keeps it; of those that begin here the share that was asked for is kept', () => {
    const tracer = new Tracer();
    const names: string[] = [];
    tracer.start({ add: ({ name }) => void names.push(name) }, 0);
    expect(tracer.span('dropped by its caller', 'server', `00-${TRACE}-00f067aa0ba902b7-00`)).toBeUndefined();
    const begun = tracer.span('dropped here', 'server', undefined);
    expect(begun?.traceparent).toMatch(/-00$/);
    begun?.end();
    tracer.span('kept by its caller', 'server', `00-${TRACE}-00f067aa0ba902b7-01`)?.end();
    expect(names).toEqual(['kept by its caller']);
    tracer.start({ add: () => undefined }, 0.25);
    const kept = Array.from({ length: 4_000 }, () => tracer.span('x', 'server', undefined)?.context.isSampled);
    expect(kept.filter(Boolean).length).toBeGreaterThan(800);
    expect(kept.filter(Boolean).length).toBeLessThan(1_200);
  });

  it.each([
    '',
    'x',
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `ff-${TRACE}-00f067aa0ba902b7-01`,
  ])('is not found in %j', (text) => expect(readTraceparent(text)).toBeUndefined());

  it('is read as it is written', () => {
    const context = { traceId: TRACE, spanId: '00f067aa0ba902b7', isSampled: true };
    expect(readTraceparent(toTraceparent(context))).toEqual(context);
  });
});
