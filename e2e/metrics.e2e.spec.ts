import { join } from 'node:path';
import { parseExposition, type ParsedFamily } from '../libs/platform/src/testing/metrics/exposition-parser';
import { readSamples } from '../libs/platform/src/testing/metrics/npm-parser';
import { dashboard, withValues } from './dashboard/dashboard';
import { readPromql, type PromqlQuery } from './dashboard/promql';
import { eventually, startSystem, type System } from './system';

describe('the metrics of all services', () => {
  let system: System;
  beforeAll(async () => {
    const script = join(__dirname, 'fixtures/effects-upstream.mjs');
    system = await startSystem({
      discovery: 0,
      analyzer: 0,
      config: { mcpServers: { fx: { command: process.execPath, args: [script], env: { EFFECTS_LOG: '/dev/null' } } } },
    });
    await system.untilReady('fx');
    await system.api('POST', '/api/v1/tools/fx__read/call', { arguments: { mark: 'x' } });
  });
  afterAll(() => system.stop());

  const read = async (format: 'prometheus' | 'openmetrics'): Promise<Map<string, ParsedFamily>> => {
    const accept = format === 'openmetrics' ? 'application/openmetrics-text; version=1.0.0' : 'text/plain';
    const reply = await system.api<string>('GET', '/metrics', undefined, { accept });
    return parseExposition(reply.body, format);
  };

  it.each(['prometheus', 'openmetrics'] as const)('are %s by the letter', async (format) => {
    // Other services are heard of within a second.
    await eventually(async () => (await read(format)).has('system_cpu_load_average'));
    const families = await read(format);
    const servicesOf = (name: string) => new Set(families.get(name)?.samples.map(({ labels }) => labels['service']));
    expect(servicesOf('process_resident_memory_bytes')).toEqual(new Set(['gateway', 'router', 'monitor']));
    expect(servicesOf('mcp_router_dependency_latency_seconds')).toEqual(new Set(['gateway', 'router', 'monitor']));
    const called = families.get('mcp_server_operation_duration_seconds')?.samples[0]?.labels;
    expect(called).toMatchObject({ server: 'fx', gen_ai_tool_name: 'fx__read', mcp_method_name: 'tools/call' });
  });

  it.each(['prometheus', 'openmetrics'] as const)(
    'are read as %s by a parser of others to the same',
    async (format) => {
      const accept = format === 'openmetrics' ? 'application/openmetrics-text; version=1.0.0' : 'text/plain';
      const { body } = await system.api<string>('GET', '/metrics', undefined, { accept });
      const own = [...parseExposition(body, format).values()].flatMap(({ samples }) => samples);
      const byText = (a: object, b: object) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
      expect(own.length).toBeGreaterThan(100);
      expect(readSamples(body).sort(byText)).toEqual(own.sort(byText));
    },
  );

  it('are all that the dashboard asks for, with every label that it names', async () => {
    const run = {
      document: { dsl: '1.0.3', namespace: 'test', name: 'seen', version: '1.0.0' },
      do: [{ a: { set: { done: true } } }],
    };
    await system.api('POST', '/api/v1/workflows', { definition: run });
    await system.api('POST', '/api/v1/workflows/test/seen/versions/1.0.0/publish');
    const ran = await system.api<{ state: string }>('POST', '/api/v1/workflows/test/seen/runs?wait=10s', { input: {} });
    const door = { accept: 'application/json, text/event-stream' };
    const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } };
    const reply = await system.api('POST', '/mcp', { jsonrpc: '2.0', id: 1, method: 'initialize', params }, door);
    expect([ran.body.state, reply.status]).toEqual(['completed', 200]);
    const labelsOf = async () => {
      const names = new Map<string, Set<string>>();
      for (const { samples } of (await read('prometheus')).values())
        for (const { name, labels } of samples) names.set(name, new Set(Object.keys(labels)));
      return names;
    };
    const wanted: PromqlQuery[] = dashboard.panels
      .flatMap(({ targets }) => targets.map(({ expr }) => readPromql(withValues(expr))))
      .concat(dashboard.templating.list.flatMap(({ query }) => labelValues(query)));
    let missing: string[] = [];
    const isWhole = async () => {
      const there = await labelsOf();
      missing = wanted.flatMap(({ metrics, labels }) =>
        metrics.flatMap((metric) =>
          labels.filter((label) => !there.get(metric)?.has(label)).concat(there.has(metric) ? [] : metric),
        ),
      );
      return missing.length === 0;
    };
    // Processes of servers are looked at every ten seconds.
    await eventually(isWhole, 120_000, () => missing.join());
  });
});

/** A variable's `label_values(metric, label)`. */
function labelValues(query: unknown): PromqlQuery[] {
  const text = typeof query === 'object' && query !== null ? (query as { query: string }).query : '';
  const match = /^label_values\((\w+), (\w+)\)$/.exec(text);
  return match ? [{ metrics: [match[1] ?? ''], labels: [match[2] ?? ''] }] : [];
}
