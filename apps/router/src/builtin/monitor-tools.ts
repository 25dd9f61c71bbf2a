import {
  ADMIN_TOPICS,
  EventTopic,
  Instant,
  listAlerts,
  listEvents,
  MetricAnswer,
  MetricQuery,
  queryMetrics,
  readSystem,
  SystemStatus,
} from '@mcp-router/shared';
import { z } from 'zod';
import { builtinTool } from './builtin-tool';

const CALLS = 'mcp_server_operation_duration_seconds';
const HOUR_MS = 3_600_000;

const READ_ONLY = { readOnlyHint: true, openWorldHint: false };

/** The tools that tell how it goes over time. */
export const MONITOR_TOOLS = [
  builtinTool({
    name: 'query_metrics',
    title: 'Query metrics',
    description: `Answers how a metric went over time, for example "${CALLS}" (labels server, gen_ai_tool_name, agent, error_type) as rate, p95 or p99. Without "from" the last hour.`,
    inputSchema: MetricQuery.extend({
      from: Instant.optional(),
      to: Instant.optional(),
    }),
    outputSchema: MetricAnswer,
    annotations: READ_ONLY,
    requiredRole: 'admin',
    run: ({ to = new Date().toISOString(), from, ...query }, { bus, signal, principal }) =>
      bus.call(
        queryMetrics,
        { ...query, to, from: from ?? new Date(Date.parse(to) - HOUR_MS).toISOString() },
        { signal, context: { principal } },
      ),
  }),
  builtinTool({
    name: 'top_tools',
    title: 'Slow and failing tools',
    description:
      'Ranks tools over the last hours: by p95 duration in seconds, by number of calls, or by number of failures.',
    inputSchema: z.object({
      by: z.enum(['slow', 'calls', 'errors']).default('slow'),
      hours: z.number().min(0.1).max(720).default(24),
      limit: z.int().min(1).max(100).default(10),
    }),
    outputSchema: z.object({
      items: z.array(z.object({ server: z.string(), tool: z.string(), value: z.number() })),
    }),
    annotations: READ_ONLY,
    requiredRole: 'admin',
    run: async ({ by, hours, limit }, { bus, signal, principal }) => {
      const now = Date.now();
      const { series } = await bus.call(
        queryMetrics,
        {
          name: CALLS,
          aggregate: by === 'slow' ? 'p95' : 'count',
          labels: { mcp_method_name: 'tools/call' },
          except: by === 'errors' ? { error_type: '' } : {},
          by: ['server', 'gen_ai_tool_name'],
          top: limit,
          from: new Date(now - hours * HOUR_MS).toISOString(),
          to: new Date(now).toISOString(),
          // One step: a percentile of the whole window.
          stepSeconds: Math.max(10, Math.ceil(hours * 3600)),
        },
        { signal, context: { principal } },
      );
      return {
        items: series.map(({ labels: { server = '', gen_ai_tool_name: tool = '' }, points }) => ({
          server,
          tool,
          value: points[0]?.[1] ?? 0,
        })),
      };
    },
  }),
  builtinTool({
    name: 'list_events',
    title: 'List events',
    description:
      'Lists what happened, newest first: servers added, changed or unhealthy, catalogue changes, alerts, and for administrators flags, agents and keys.',
    inputSchema: listEvents.input.extend({ topics: z.array(EventTopic).optional() }),
    outputSchema: listEvents.output,
    annotations: READ_ONLY,
    requiredRole: 'member',
    run: ({ topics = EventTopic.options, ...query }, { bus, signal, principal }) => {
      const isAdmin = principal.role === 'admin';
      const readable = topics.filter((topic) => isAdmin || !ADMIN_TOPICS.includes(topic));
      return bus.call(listEvents, { ...query, topics: readable }, { signal, context: { principal } });
    },
  }),
  builtinTool({
    name: 'list_alerts',
    title: 'List alerts',
    description: 'Lists what is wrong now (firing), may soon be (pending), or was (resolved).',
    inputSchema: listAlerts.input,
    outputSchema: listAlerts.output,
    annotations: READ_ONLY,
    requiredRole: 'member',
    run: (query, { bus, signal, principal }) => bus.call(listAlerts, query, { signal, context: { principal } }),
  }),
  builtinTool({
    name: 'system_status',
    title: 'System status',
    description: 'Tells which services run in which versions, whether Postgres and Redis work, and how the machine is.',
    inputSchema: z.object({}),
    outputSchema: SystemStatus,
    annotations: READ_ONLY,
    requiredRole: 'member',
    run: (_, { bus, signal, principal }) => bus.call(readSystem, {}, { signal, context: { principal } }),
  }),
];
