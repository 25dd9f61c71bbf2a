import { callsOf, option } from '../engine/code-queries';
import { isInside, reachedUnits, toolHandlers } from '../engine/mcp-handlers';
import type { CodeRule } from './rule';

const SCRIPT = /^(?:fetch|axios(?:\.(?:get|post|put|delete|request))?|undici\.(?:fetch|request))$/;
const PYTHON =
  /^(?:requests\.(?:get|post|put|patch|delete|head|request)|urllib\.request\.urlopen|urlopen|subprocess\.(?:run|call|check_output|check_call))$/;

/** A tool that waits for ever holds its caller for ever. */
export const missingTimeout: CodeRule = {
  id: 'mcp-code/missing-timeout',
  family: 'mcp-code',
  target: 'code',
  title: 'A tool waits without a time limit',
  level: 'warning',
  confidence: 'medium',
  languages: ['javascript', 'typescript', 'tsx', 'python'],
  explanation:
    'The handler asks another system and sets no limit to the wait. When that system hangs, so does the call, the agent and whatever is behind it. Pass a timeout, or a signal that aborts.',
  cwe: [400, 1088],
  owasp: ['MCP05'],
  *check(file) {
    const { tree, language } = file;
    const seen = new Set<number>();
    for (const { unit, tool } of toolHandlers(file))
      for (const reached of reachedUnits(file, unit).keys())
        for (const { node, callee, args } of callsOf(file)) {
          if (
            seen.has(node) ||
            !isInside(file, node, reached) ||
            !(language === 'python' ? PYTHON : SCRIPT).test(callee)
          )
            continue;
          seen.add(node);
          if (['timeout', 'signal', 'headersTimeout'].every((name) => option(tree, args, name) < 0) && args.length < 3)
            yield { node, message: `${callee} in the tool "${tool}" has no time limit` };
        }
  },
  examples: {
    bad: [
      {
        language: 'typescript',
        code: "import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';\nserver.tool('get', {}, async () => { const r = await fetch('https://api.example.com'); return { content: [] }; });",
      },
      {
        language: 'python',
        code: 'from mcp.server.fastmcp import FastMCP\nimport requests\nmcp = FastMCP("x")\n\n@mcp.tool()\ndef get() -> str:\n    return requests.get("https://api.example.com").text\n',
      },
    ],
    good: [
      {
        language: 'typescript',
        code: "import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';\nserver.tool('get', {}, async () => { const r = await fetch('https://api.example.com', { signal: AbortSignal.timeout(5000) }); return { content: [] }; });",
      },
      {
        language: 'python',
        code: 'from mcp.server.fastmcp import FastMCP\nimport requests\nmcp = FastMCP("x")\n\n@mcp.tool()\ndef get() -> str:\n    return requests.get("https://api.example.com", timeout=5).text\n',
      },
    ],
  },
};
