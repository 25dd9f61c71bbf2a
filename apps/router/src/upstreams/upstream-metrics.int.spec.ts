import { metrics } from '@mcp-router/platform';
import { until } from '@mcp-router/platform/testing';
import { Catalogue } from '../catalogue/catalogue';
import { readItems, withPublicNames } from '../catalogue/catalogue-item';
import { ODD_SERVER } from '../testing/processes';
import { ask, stdio, upstreamBench } from '../testing/upstream-bench';
import { UpstreamMetrics } from './upstream-metrics';
import type { UpstreamRegistry } from './upstream-registry';

it('servers are measured as they are: places, queue, state, catalogue, tokens, and the processes behind them', async () => {
  const bench = upstreamBench();
  const upstream = bench.open(stdio(ODD_SERVER), { slug: 'odd', maxConcurrency: 1 });
  const catalogue = new Catalogue();
  const text = `{"name":"slow","description":"${'x'.repeat(400)}"}`;
  catalogue.set('odd', { tools: withPublicNames(readItems('odd', 'tools', `{"tools":[${text}]}`)) });
  const registry = { all: () => [upstream], supervisedBy: () => upstream, reaper: bench.reaper };
  const measured = new UpstreamMetrics(registry as unknown as UpstreamRegistry, catalogue);
  const valueOf = (name: string, ...labels: string[]) => {
    const samples = metrics.read().find((metric) => metric.name === name)?.samples ?? [];
    return samples.find((sample) => sample.labels.join() === ['odd', ...labels].join());
  };
  try {
    await upstream.ready();
    const calls = [1, 2].map(() => ask(upstream, 'tools/call', { name: 'slow', arguments: { ms: 300 } }));
    await until(() => upstream.queueDepth === 1);
    measured.read();
    expect(valueOf('mcp_router_in_flight')?.value).toBe(1);
    expect(valueOf('mcp_router_queue_depth')?.value).toBe(1);
    expect(valueOf('mcp_router_circuit_open')?.value).toBe(0);
    expect(valueOf('mcp_router_server_state', 'ready')?.value).toBe(1);
    expect(valueOf('mcp_router_catalogue_items', 'tools')?.value).toBe(1);
    expect(valueOf('mcp_router_definition_tokens')?.value).toBe(Math.ceil(text.length / 4));
    await Promise.all(calls);
    const recorded = metrics.read().find(({ name }) => name === 'mcp_client_operation_duration_seconds')?.samples;
    expect(recorded).toMatchObject([{ labels: ['tools/call', 'odd', 'pipe', ''], histogram: { count: 2 } }]);
    // The second one waited for the first.
    expect(recorded?.[0]?.histogram?.max).toBeGreaterThan(0.5);
    await measured.measureChildren();
    expect(valueOf('mcp_router_child_resident_memory_bytes')?.value).toBeGreaterThan(10_000_000);
    expect(valueOf('mcp_router_child_cpu_seconds_total')?.value).toBeGreaterThan(0);
    expect(valueOf('mcp_router_restarts_total')?.value).toBe(0);
    expect(valueOf('mcp_router_retries_total')?.value).toBe(0);
    await upstream.restart();
    await upstream.ready();
    expect(valueOf('mcp_router_restarts_total')?.value).toBe(1);
    await upstream.close();
    measured.read();
    expect(valueOf('mcp_router_server_state', 'ready')).toBeUndefined();
  } finally {
    await bench.close();
  }
});
