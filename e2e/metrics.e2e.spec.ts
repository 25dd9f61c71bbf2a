import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseExposition, type ParsedFamily } from '../libs/platform/src/testing/metrics/exposition-parser';
import { z } from 'zod';
import { eventually, startSystem, type System } from './system';

const Datasource = z.strictObject({ type: z.literal('prometheus'), uid: z.literal('${datasource}') });
/** What Grafana's import needs of a dashboard. */
const Dashboard = z.object({
  __inputs: z.array(z.object({ name: z.string(), type: z.string() })),
  __requires: z.array(z.object({ type: z.string(), id: z.string(), name: z.string(), version: z.string() })),
  uid: z.string().max(40),
  title: z.string().min(1),
  schemaVersion: z.int().min(36),
  version: z.int(),
  time: z.object({ from: z.string(), to: z.string() }),
  templating: z.object({ list: z.array(z.looseObject({ name: z.string(), type: z.string(), query: z.unknown() })) }),
  panels: z.array(
    z.object({
      id: z.int(),
      title: z.string().min(1),
      type: z.literal('timeseries'),
      datasource: Datasource,
      gridPos: z.strictObject({ h: z.int().min(1), w: z.int().max(24), x: z.int().min(0), y: z.int().min(0) }),
      fieldConfig: z.object({ defaults: z.object({ unit: z.string() }), overrides: z.array(z.unknown()) }),
      targets: z.array(z.object({ refId: z.string(), expr: z.string().min(1), legendFormat: z.string() })).min(1),
    }),
  ),
});
const dashboard = Dashboard.parse(
  JSON.parse(readFileSync(join(__dirname, '../docker/grafana/mcp-router.json'), 'utf8')),
);
const expressions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));

/** Every name in an expression that is neither a function, a keyword nor a label. */
function metricsIn(expression: string): string[] {
  const bare = expression
    .replaceAll(/\{[^}]*\}|\[[^\]]*\]/g, ' ')
    .replaceAll(/\b(?:by|without)\s*\([^)]*\)/g, ' ')
    .replaceAll(/\b[a-z_]+\s*\(/g, '(');
  return bare.match(/[a-zA-Z_:][a-zA-Z0-9_:]*/g) ?? [];
}

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

  it('are all that the dashboard asks for, and it has the form that Grafana imports', async () => {
    await eventually(async () => (await read('prometheus')).has('system_cpu_load_average'));
    const families = await read('prometheus');
    const exported = new Set(
      [...families.values()].flatMap(({ name, type }) =>
        type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
      ),
    );
    const wanted = expressions.flatMap(metricsIn).filter((name) => !/^[\d.e]+$/.test(name));
    expect(wanted.length).toBeGreaterThanOrEqual(expressions.length);
    expect(wanted.filter((name) => !exported.has(name))).toEqual([]);
    expect(dashboard.templating.list).toMatchObject([
      { name: 'datasource', type: 'datasource', query: 'prometheus' },
      { name: 'server', type: 'query' },
    ]);
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    const places = dashboard.panels.map(({ gridPos: { x, y } }) => `${x} ${y}`);
    expect(new Set(places).size).toBe(places.length);
  });
});
