import { toolHandlers } from '../engine/mcp-handlers';
import type { CodeRule } from './rule';

/** Without a schema the handler gets whatever was sent. */
export const toolWithoutSchema: CodeRule = {
  id: 'mcp-code/tool-without-schema',
  family: 'mcp-code',
  target: 'code',
  title: 'A tool takes arguments without a schema',
  level: 'warning',
  confidence: 'medium',
  languages: ['javascript', 'typescript', 'tsx'],
  explanation:
    'The handler uses arguments, but nothing says what they must be, so nothing checks them before it runs and a model must guess. Give the tool an input schema.',
  cwe: [20],
  owasp: ['MCP05'],
  *check(file) {
    for (const { hasSchema, args, node, tool } of toolHandlers(file))
      if (!hasSchema && args.length > 0 && tool !== '(any)')
        yield { node, message: `the tool "${tool}" uses arguments that no schema describes` };
  },
  examples: {
    bad: [
      {
        language: 'typescript',
        code: "import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';\nserver.tool('echo', 'Says it again', async ({ text }) => ({ content: [{ type: 'text', text }] }));",
      },
    ],
    good: [
      {
        language: 'typescript',
        code: "import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';\nserver.tool('echo', 'Says it again', { text: z.string() }, async ({ text }) => ({ content: [{ type: 'text', text }] }));\nserver.tool('time', async () => ({ content: [] }));",
      },
    ],
  },
};
