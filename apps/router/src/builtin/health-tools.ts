import { getServerHealth, listCalls, listServerHealth, ServerHealth } from '@mcp-router/shared';
import { z } from 'zod';
import { builtinTool } from './builtin-tool';

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
    name: 'list_calls',
    title: 'List calls',
    description:
      'Lists the latest tool calls, newest first: who, which tool, how long, with what outcome. Members see their own.',
    inputSchema: listCalls.input,
    outputSchema: listCalls.output,
    annotations: { readOnlyHint: true, openWorldHint: false },
    requiredRole: 'member',
    run: (input, { bus, signal, principal }) => {
      const own = principal.role === 'admin' ? {} : { agent: principal.agent };
      return bus.call(listCalls, { ...input, ...own }, { signal, context: { principal } });
    },
  }),
];
