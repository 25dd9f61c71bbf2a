import { callsOf, option } from '../engine/code-queries';
import type { CodeRule } from './rule';

/** On stdio, stdout is the wire. */
export const stdoutLogging: CodeRule = {
  id: 'mcp-code/stdout-logging',
  family: 'mcp-code',
  target: 'code',
  title: 'A stdio server writes to stdout',
  level: 'error',
  confidence: 'high',
  languages: ['javascript', 'typescript', 'tsx', 'python'],
  explanation:
    'The transport reads messages from stdout: a line that is no message breaks the connection or is taken for one. Write to stderr (console.error, print(…, file=sys.stderr), logging).',
  cwe: [116],
  owasp: ['MCP08'],
  *check(file) {
    const { tree, language } = file;
    const isStdio =
      language === 'python'
        ? /stdio_server|FastMCP/.test(tree.source) && !/transport\s*=\s*["'](?:sse|http|streamable)/.test(tree.source)
        : /StdioServerTransport|serveStdio/.test(tree.source);
    if (!isStdio) return;
    for (const { node, callee, args } of callsOf(file)) {
      if (
        language === 'python'
          ? callee === 'print' && option(tree, args, 'file') < 0
          : /^(?:console\.(?:log|info|debug|table|dir)|process\.stdout\.write)$/.test(callee)
      )
        yield { node, message: `${callee} writes into the stream of messages` };
    }
  },
  examples: {
    bad: [
      {
        language: 'typescript',
        code: "import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';\nconsole.log('started');",
      },
      {
        language: 'python',
        code: 'from mcp.server.fastmcp import FastMCP\nmcp = FastMCP("x")\nprint("started")\nmcp.run()\n',
      },
    ],
    good: [
      {
        language: 'typescript',
        code: "import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';\nconsole.error('started');",
      },
      {
        language: 'python',
        code: 'import sys\nfrom mcp.server.fastmcp import FastMCP\nprint("started", file=sys.stderr)\n',
      },
    ],
  },
};
