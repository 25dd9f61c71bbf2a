import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const Datasource = z.strictObject({ type: z.literal('prometheus'), uid: z.literal('${datasource}') });

/** What Grafana's import needs of a dashboard, beyond the types of its schema. */
const DashboardFile = z.object({
  __inputs: z.array(z.object({ name: z.string(), type: z.string() })),
  __requires: z.array(z.object({ type: z.string(), id: z.string(), name: z.string(), version: z.string() })),
  uid: z.string().max(40),
  title: z.string().min(1),
  schemaVersion: z.int().min(36),
  version: z.int(),
  time: z.object({ from: z.string(), to: z.string() }),
  templating: z.object({
    list: z.array(z.looseObject({ name: z.string(), type: z.enum(['datasource', 'query']), query: z.unknown() })),
  }),
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

export const DASHBOARD_TEXT = readFileSync(join(__dirname, '../../docker/grafana/mcp-router.json'), 'utf8');
export const dashboard = DashboardFile.parse(JSON.parse(DASHBOARD_TEXT));

/** An expression as Grafana sends it: its variables have values. */
export const withValues = (expression: string): string =>
  expression.replaceAll('$__rate_interval', '5m').replaceAll('$server', '.*');
