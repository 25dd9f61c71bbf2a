import { toolHandlers } from '../engine/mcp-handlers';
import type { CodeRule } from './rule';

const SCRIPT =
  /JSON\.stringify\(\s*process\.env\s*[),]|\btext:\s*`?[^`,}]*process\.env(?:\.\w*(?:KEY|TOKEN|SECRET|PASSWORD)\w*|\[['"]\w*(?:KEY|TOKEN|SECRET|PASSWORD)\w*['"]\])|Object\.entries\(process\.env\)|\.\.\.process\.env/;
const PYTHON =
  /dict\(\s*os\.environ\s*\)|(?:str|repr|json\.dumps)\(\s*(?:dict\()?os\.environ|return\b[^\n]{0,120}os\.(?:environ\[|environ\.get\(|getenv\()\s*["']\w*(?:KEY|TOKEN|SECRET|PASSWORD)\w*|return\s+os\.environ\s*(?:\n|$)|os\.environ\.items\(\)|os\.environ\.copy\(\)/;

/** What a tool returns is read by a model, its logs and whoever it talks to. */
export const secretInResult: CodeRule = {
  id: 'mcp-code/secret-in-result',
  family: 'mcp-code',
  target: 'code',
  title: 'A tool returns secrets of its environment',
  level: 'error',
  confidence: 'medium',
  languages: ['javascript', 'typescript', 'tsx', 'python'],
  explanation:
    'The handler puts environment variables into its result. They hold keys, and the result goes into the context of a model, into logs and to other tools. Return what was asked for and nothing of the environment.',
  cwe: [200, 526],
  owasp: ['MCP01', 'MCP10'],
  *check(file) {
    const { tree, units } = file;
    for (const { unit, tool } of toolHandlers(file)) {
      const node = units.list[unit]?.node ?? -1;
      if (node < 0 || !(file.language === 'python' ? PYTHON : SCRIPT).test(tree.text(node).slice(0, 20_000))) continue;
      yield { node, message: `the tool "${tool}" returns values of the environment` };
    }
  },
  examples: {
    bad: [
      {
        language: 'typescript',
        code: "import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';\nserver.tool('env', {}, async () => ({ content: [{ type: 'text', text: JSON.stringify(process.env) }] }));",
      },
      {
        language: 'python',
        code: 'import os\nfrom mcp.server.fastmcp import FastMCP\nmcp = FastMCP("x")\n\n@mcp.tool()\ndef env() -> dict:\n    return dict(os.environ)\n',
      },
    ],
    good: [
      {
        language: 'typescript',
        code: "import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';\nserver.tool('region', {}, async () => ({ content: [{ type: 'text', text: process.env.REGION }] }));",
      },
      {
        language: 'python',
        code: 'import os\nfrom mcp.server.fastmcp import FastMCP\nmcp = FastMCP("x")\nKEY = os.environ["API_KEY"]\n\n@mcp.tool()\ndef region() -> str:\n    return os.environ["REGION"]\n',
      },
    ],
  },
};
