import {
  AppError,
  CallDetails,
  getCall,
  getServerHealth,
  listCalls,
  listServerHealth,
  readUptime,
  ServerHealth,
  Uptime,
  type Principal,
} from '@mcp-router/shared';
import { z } from 'zod';
import { builtinTool } from './builtin-tool';

const MAX_TRACED = 50;

/** Members see their own calls only. */
const ownOnly = ({ role, agent }: Principal) => (role === 'admin' ? {} : { agent });

/** The tools that tell what happens. */
export const HEALTH_TOOLS = [
  builtinTool({
    name: 'server_health',
    title: 'Health of servers',
    description:
      'Tells how the MCP servers are doing: of one server, or of all. Comes from regular probes and live calls.',
    inputSchema: z.object({
      server: z.string().min(1).max(64).optional().describe('Slug or id; all servers without it'),
    }),
    outputSchema: z.object({ items: z.array(ServerHealth) }),
    annotations: { readOnlyHint: true, openWorldHint: false },
    requiredRole: 'member',
    run: async ({ server }, { bus, signal, principal }) => {
      const options = { signal, context: { principal } };
      if (server !== undefined) return { items: [await bus.call(getServerHealth, { server }, options)] };
      const { items } = await bus.call(listServerHealth, {}, options);
      return { items };
    },
  }),
  builtinTool({
    name: 'server_uptime',
    title: 'Uptime and latency of a server',
    description:
      'Tells how much of the last 24 hours, 7 days and 30 days a server was well, how often it went down, and its p50, p95 and p99 latency in each.',
    inputSchema: z.object({ server: z.string().min(1).max(64).describe('Slug or id') }),
    outputSchema: Uptime,
    annotations: { readOnlyHint: true, openWorldHint: false },
    requiredRole: 'member',
    run: ({ server }, { bus, signal, principal }) => {
      return bus.call(readUptime, { server }, { signal, context: { principal } });
    },
  }),
  builtinTool({
    name: 'list_calls',
    title: 'List calls',
    description:
      'Lists the latest tool calls, newest first: who, which tool, how long, with what outcome. Members see their own.',
    inputSchema: listCalls.input,
    outputSchema: listCalls.output,
    annotations: { readOnlyHint: true, openWorldHint: false },
    requiredRole: 'member',
    run: (input, { bus, signal, principal }) => {
      return bus.call(listCalls, { ...input, ...ownOnly(principal) }, { signal, context: { principal } });
    },
  }),
  builtinTool({
    name: 'trace_call',
    title: 'Trace a call',
    description:
      'Follows one call, given by its id from list_calls, its request id or its trace id: every call that belongs to it in the order they ended, what was decided, how long the server took and how long the router, and arguments and answers where they are kept. Members see their own.',
    inputSchema: z.object({
      call: z.uuid().optional(),
      requestId: z.string().min(1).max(64).optional(),
      traceId: z
        .string()
        .regex(/^[0-9a-f]{32}$/)
        .optional(),
    }),
    outputSchema: z.object({
      items: z.array(CallDetails.extend({ /** Not spent waiting for the server. */ routerMs: z.number().optional() })),
    }),
    annotations: { readOnlyHint: true, openWorldHint: false },
    requiredRole: 'member',
    run: async (input, { bus, signal, principal }) => {
      const options = { signal, context: { principal } };
      const own = ownOnly(principal);
      const details = (call: string) => bus.call(getCall, { call, ...own }, options);
      const asked = input.call === undefined ? undefined : await details(input.call);
      const { traceId, requestId } = asked ?? input;
      if (traceId === undefined && !requestId)
        throw new AppError('invalid_arguments', 'Give one of call, requestId and traceId');
      const one = traceId === undefined ? { requestId } : { traceId };
      const { items } = await bus.call(listCalls, { ...one, ...own, limit: MAX_TRACED }, options);
      const found = await Promise.all(items.reverse().map(({ id }) => details(id)));
      return {
        items: found.map((call) => ({
          ...call,
          ...(call.upstreamMs !== undefined && { routerMs: Math.max(0, call.durationMs - call.upstreamMs) }),
        })),
      };
    },
  }),
];
