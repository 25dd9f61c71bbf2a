import { addServer, Empty, listServers, NewServer, removeServer, restartServer, Server } from '@mcp-router/shared';
import { z } from 'zod';
import { builtinTool } from './builtin-tool';

const ServerName = z.object({ server: z.string().min(1).max(64).describe('Slug or id of the server') });

/** The tools that manage servers. */
export const SERVER_TOOLS = [
  builtinTool({
    name: 'list_servers',
    title: 'List servers',
    description: 'Lists the registered MCP servers with their state, last error and number of tools.',
    inputSchema: listServers.input,
    outputSchema: listServers.output,
    annotations: { readOnlyHint: true, openWorldHint: false },
    requiredRole: 'member',
    run: (input, { bus, signal, principal }) => bus.call(listServers, input, { signal, context: { principal } }),
  }),
  builtinTool({
    name: 'add_server',
    title: 'Add a server',
    description:
      'Registers an MCP server: give a slug and either a command with arguments (stdio) or a URL. Its tools appear as <slug>__<tool> once it is ready.',
    inputSchema: z.object({ server: NewServer }),
    outputSchema: Server,
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
    requiredRole: 'admin',
    run: ({ server }, { bus, signal, principal }) =>
      bus.call(addServer, { server, source: 'rest' }, { signal, context: { principal } }),
  }),
  builtinTool({
    name: 'remove_server',
    title: 'Remove a server',
    description: 'Ends a server and forgets its definition. Servers of the configuration file are edited there.',
    inputSchema: ServerName,
    outputSchema: Empty,
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
    requiredRole: 'admin',
    run: (input, { bus, signal, principal }) => bus.call(removeServer, input, { signal, context: { principal } }),
  }),
  builtinTool({
    name: 'restart_server',
    title: 'Restart a server',
    description: 'Ends the connections of a server and opens them anew; calls in flight on it fail.',
    inputSchema: ServerName,
    outputSchema: Server,
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
    requiredRole: 'admin',
    run: (input, { bus, signal, principal }) => bus.call(restartServer, input, { signal, context: { principal } }),
  }),
];
