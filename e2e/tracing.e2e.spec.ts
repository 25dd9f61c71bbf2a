import { join } from 'node:path';
import { startCollector, textOf, type Collector } from '../libs/platform/src/testing/telemetry/collector';
import { eventually, startSystem, type System } from './system';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CLIENT = '00f067aa0ba902b7';
const MODERN = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
  'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
};

describe('a trace', () => {
  let collector: Collector;
  let system: System;
  beforeAll(async () => {
    collector = await startCollector();
    const script = join(__dirname, 'fixtures/effects-upstream.mjs');
    system = await startSystem({
      discovery: 0,
      analyzer: 0,
      config: { mcpServers: { fx: { command: process.execPath, args: [script], env: { EFFECTS_LOG: '/dev/null' } } } },
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_METRIC_EXPORT_INTERVAL: '1000' },
    });
    await system.untilReady('fx');
  });
  afterAll(async () => {
    await system.stop();
    await collector.close();
  });

  const spansOf = (trace: string) => collector.spans.filter(({ traceId }) => traceId === trace);
  const named = (trace: string, name: string, service: string) =>
    spansOf(trace).find((span) => span.name === name && span.service === `mcp-router-${service}`);
  const ofGateway = (trace: string) => spansOf(trace).find(({ service }) => service === 'mcp-router-gateway');

  it('begins at the client and goes through gateway and router to the server', async () => {
    const params = {
      name: 'fx__read',
      arguments: { mark: 'traced' },
      _meta: { ...MODERN, traceparent: `00-${TRACE}-${CLIENT}-01` },
    };
    const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params };
    const reply = await system.api('POST', '/mcp', body, {
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': 'fx__read',
    });
    expect(reply).toMatchObject({ status: 200, body: { result: {} } });
    await eventually(
      () =>
        named(TRACE, 'tools/call fx__read', 'gateway') !== undefined &&
        named(TRACE, 'router.exchangeMcp', 'router') !== undefined &&
        named(TRACE, 'tools/call read', 'router') !== undefined,
      60_000,
      () => JSON.stringify(collector.spans),
    );
    const door = named(TRACE, 'tools/call fx__read', 'gateway');
    const routed = named(TRACE, 'router.exchangeMcp', 'router');
    const served = named(TRACE, 'tools/call read', 'router');
    expect(door).toMatchObject({ parentSpanId: CLIENT, kind: 2 });
    expect(routed).toMatchObject({ parentSpanId: door?.spanId });
    expect(served).toMatchObject({ parentSpanId: routed?.spanId, kind: 3 });
    expect(textOf(served?.attributes ?? [], 'mcp_router.server')).toBe('fx');
  });

  it('goes on through a workflow and the tools that its tasks call', async () => {
    const document = { dsl: '1.0.3', namespace: 'test', name: 'traced', version: '1.0.0' };
    const tasks = [{ one: { call: 'fx__read', with: { mark: 'flow' } } }, { two: { set: { done: true } } }];
    await system.api('POST', '/api/v1/workflows', { definition: { document, do: tasks } });
    await system.api('POST', '/api/v1/workflows/test/traced/versions/1.0.0/publish');
    const trace = TRACE.replace('4b', '5c');
    const run = await system.api<{ id: string; state: string }>(
      'POST',
      '/api/v1/workflows/test/traced/runs?wait=60s',
      { input: {} },
      { traceparent: `00-${trace}-${CLIENT}-01` },
    );
    expect(run.body).toMatchObject({ state: 'completed' });
    // Each process sends its spans in its own time, and that of the request that started the run ends after the run.
    const startOf = (span: ReturnType<typeof named>) =>
      spansOf(trace).find(({ spanId }) => spanId === span?.parentSpanId);
    const names = ['run test/traced', 'call fx__read', 'tools/call read'];
    await eventually(
      () =>
        ofGateway(trace) !== undefined &&
        names.every((name) => named(trace, name, 'router')) &&
        startOf(named(trace, 'run test/traced', 'router')) !== undefined &&
        spansOf(trace).some(({ name }) => name.startsWith('set ')),
      60_000,
      () => JSON.stringify(spansOf(trace)),
    );
    const door = ofGateway(trace);
    const [ofRun, task, served] = names.map((name) => named(trace, name, 'router'));
    expect(door).toMatchObject({ parentSpanId: CLIENT });
    expect(door?.name).toMatch(/^POST \/api\/v1\/workflows/);
    expect(startOf(ofRun)?.parentSpanId).toBe(door?.spanId);
    expect(task).toMatchObject({ parentSpanId: ofRun?.spanId });
    expect(served).toMatchObject({ parentSpanId: task?.spanId });
  });

  it('comes with the metrics of every service, and nothing that the protocol does not allow', async () => {
    const names = ['mcp.server.operation.duration', 'system.cpu.time', 'mcp_router.edge_duration'];
    await eventually(
      () => names.every((name) => collector.metrics.has(name)),
      60_000,
      () => [...collector.metrics.keys()].join(),
    );
    expect(collector.faults).toEqual([]);
  });
});
