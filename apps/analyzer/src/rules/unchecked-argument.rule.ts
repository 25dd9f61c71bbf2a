import { callsOf, mentions, option, parameterNames, taintedNames, type Call } from '../engine/code-queries';
import type { CodeFile } from '../engine/code-file';
import { isInside, reachedUnits, toolHandlers } from '../engine/mcp-handlers';
import type { CodeHit, CodeRule } from './rule';

interface Sink {
  kind: string;
  pattern: RegExp;
  /** What in the function's text shows that the argument is checked. */
  guard: RegExp;
  /** A call is a sink only if this holds. */
  when?: (file: CodeFile, call: Call) => boolean;
}

const SCRIPT: readonly Sink[] = [
  {
    kind: 'a shell',
    pattern: /(?:^|\.)(?:exec|execSync|execAsync|execPromise|execa|\$)$/,
    guard: /allow|whitelist|shellEscape|quote\(/i,
    when: (file) => /child_process|execa|promisify/.test(file.tree.source),
  },
  {
    kind: 'a shell',
    pattern: /(?:^|\.)(?:spawn|spawnSync|execFile|execFileSync)$/,
    guard: /allow|whitelist|includes\(|\.has\(/i,
    when: ({ tree }, { args }) =>
      args.length === 1 ||
      option(tree, args, 'shell') >= 0 ||
      (args[0] !== undefined && tree.type(args[0]) !== 'string'),
  },
  {
    kind: 'the file system',
    pattern:
      /(?:^|\.)(?:readFile|readFileSync|writeFile|writeFileSync|appendFile|unlink|unlinkSync|rm|rmSync|readdir|readdirSync|createReadStream|createWriteStream|mkdir|rename|copyFile|open)$/,
    guard: /startsWith|validatePath|resolveInside|isPathInside|path\.relative|basename|realpath|allow|sanit|safe/i,
    when: ({ tree }) => /\bfs\b|node:fs/.test(tree.source),
  },
  {
    kind: 'a database',
    pattern: /\.(?:query|execute|raw|exec|\$queryRawUnsafe|prepare|run)$/,
    guard: /allow|readOnly|parseSql|validate/i,
    when: ({ tree }, { args: [first] }) =>
      first !== undefined &&
      (['identifier', 'member_expression'].includes(tree.type(first)) || /\$\{|\+/.test(tree.text(first))),
  },
  {
    kind: 'the network',
    pattern: /^(?:fetch|axios(?:\.\w+)?|got(?:\.\w+)?|https?\.(?:get|request)|undici\.(?:fetch|request))$/,
    guard: /allow|hostname|isPrivate|validate|startsWith\(['"`]https|encodeURIComponent|URLSearchParams/i,
  },
];
const PYTHON: readonly Sink[] = [
  {
    kind: 'a shell',
    pattern:
      /^(?:os\.(?:system|popen)|subprocess\.(?:run|call|Popen|check_output|check_call|getoutput)|commands\.getoutput|asyncio\.create_subprocess_(?:shell|exec))$/,
    guard: /allow|whitelist|shlex\.quote|ALLOWED/i,
  },
  { kind: 'code', pattern: /^(?:eval|exec|compile)$/, guard: /literal_eval/ },
  {
    kind: 'the file system',
    pattern: /^(?:open|os\.(?:remove|unlink|listdir|rmdir|makedirs|chmod|rename|walk)|shutil\.\w+|(?:pathlib\.)?Path)$/,
    guard:
      /is_relative_to|commonpath|realpath|\.resolve\(\)|allow|secure_filename|basename|startswith|validate|ALLOWED/i,
  },
  {
    kind: 'a database',
    pattern: /\.(?:execute|executemany|executescript|raw)$/,
    guard: /allow|validate|ALLOWED/i,
    when: ({ tree }, { args: [first] }) =>
      first !== undefined &&
      (tree.type(first) === 'identifier' ||
        tree.childOfType(first, 'interpolation') >= 0 ||
        ['binary_operator', 'call'].includes(tree.type(first))),
  },
  {
    kind: 'the network',
    pattern:
      /^(?:requests\.\w+|httpx\.\w+|urllib\.request\.(?:urlopen|Request)|urlopen|aiohttp\.\w+|socket\.(?:create_connection|connect)|(?:s|sock|client|session)\.(?:connect|get|post))$/,
    guard: /allow|urlparse|netloc|hostname|is_private|validate|ALLOWED/i,
  },
];

/** What a model passes to a tool is whatever someone wrote into its context. */
export const uncheckedArgument: CodeRule = {
  id: 'mcp-code/unchecked-argument',
  family: 'mcp-code',
  target: 'code',
  title: 'An argument of a tool reaches a shell, files, a database or the network unchecked',
  level: 'error',
  confidence: 'medium',
  languages: ['javascript', 'typescript', 'tsx', 'python'],
  explanation:
    'The arguments of a tool come from a model that reads texts of strangers. Check them in the handler, beyond their type: a path against the folder it must stay in, a host against a list, a command against fixed choices, values of a statement as parameters.',
  cwe: [20, 78, 22, 89, 918],
  owasp: ['MCP05', 'A03'],
  *check(file) {
    const sinks = file.language === 'python' ? PYTHON : SCRIPT;
    const seen = new Set<number>();
    for (const handler of toolHandlers(file))
      for (const [unit, how] of reachedUnits(file, handler.unit))
        for (const hit of unitHits(
          file,
          unit,
          how === 'self' ? handler.args : parameterNames(file.tree, file.units.list[unit]?.node ?? 0),
          sinks,
          handler.tool,
        ))
          if (!seen.has(hit.node)) {
            seen.add(hit.node);
            yield hit;
          }
  },
  examples: {
    bad: [
      {
        language: 'typescript',
        code: "import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';\nimport { execSync } from 'node:child_process';\nserver.tool('ping', { host: z.string() }, async ({ host }) => ({ content: [{ type: 'text', text: execSync(`ping ${host}`).toString() }] }));",
      },
      {
        language: 'javascript',
        code: "import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';\nimport fs from 'node:fs';\nserver.registerTool('read', { inputSchema: { path: z.string() } }, async ({ path }) => { const text = fs.readFileSync(path, 'utf8'); return { content: [{ type: 'text', text }] }; });",
      },
      {
        language: 'typescript',
        code: "import { Server } from '@modelcontextprotocol/sdk/server/index.js';\nserver.setRequestHandler(CallToolRequestSchema, async (request) => { const { url } = request.params.arguments; const r = await fetch(url); return { content: [] }; });",
      },
      {
        language: 'typescript',
        code: "import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';\nserver.tool('find', { name: z.string() }, async ({ name }) => { const rows = await db.query(`SELECT * FROM t WHERE name = '${name}'`); return { content: [{ type: 'text', text: JSON.stringify(rows) }] }; });",
      },
      {
        language: 'python',
        code: 'from mcp.server.fastmcp import FastMCP\nimport httpx\nmcp = FastMCP("x")\n\n@mcp.tool()\nasync def load(url: str) -> str:\n    return (await httpx.get(url)).text\n',
      },
      {
        language: 'python',
        code: 'from mcp.server.fastmcp import FastMCP\nimport subprocess\nmcp = FastMCP("x")\n\n@mcp.tool()\ndef run(command: str) -> str:\n    return subprocess.check_output(command, shell=True).decode()\n',
      },
      {
        language: 'python',
        code: 'from mcp.server.fastmcp import FastMCP\nmcp = FastMCP("x")\n\ndef load(path):\n    return open(path).read()\n\n@mcp.tool()\ndef read(path: str) -> str:\n    return load(path)\n',
      },
      {
        language: 'python',
        code: 'from mcp.server.fastmcp import FastMCP\nmcp = FastMCP("x")\n\n@mcp.tool()\ndef find(name: str):\n    query = f"SELECT * FROM t WHERE name = \'{name}\'"\n    return db.execute(query)\n',
      },
    ],
    good: [
      {
        language: 'typescript',
        code: "import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';\nserver.tool('add', { a: z.number(), b: z.number() }, async ({ a, b }) => ({ content: [{ type: 'text', text: String(a + b) }] }));",
      },
      {
        language: 'javascript',
        code: "import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';\nimport fs from 'node:fs';\nserver.tool('read', { path: z.string() }, async ({ path }) => { const safe = await validatePath(path); return { content: [{ type: 'text', text: fs.readFileSync(safe, 'utf8') }] }; });",
      },
      {
        language: 'python',
        code: 'from mcp.server.fastmcp import FastMCP\nfrom pathlib import Path\nmcp = FastMCP("x")\n\n@mcp.tool()\ndef read(name: str) -> str:\n    path = (ROOT / name).resolve()\n    if not path.is_relative_to(ROOT):\n        raise ValueError("outside")\n    return open(path).read()\n',
      },
      {
        language: 'python',
        code: 'import subprocess\n\ndef run(command):\n    return subprocess.check_output(command, shell=True)\n',
      },
    ],
  },
};

function* unitHits(
  file: CodeFile,
  unit: number,
  args: readonly string[],
  sinks: readonly Sink[],
  tool: string,
): Generator<CodeHit> {
  const { tree, units } = file;
  const tainted = taintedNames(file, unit, args);
  const text = tree.text(units.list[unit]?.node ?? 0);
  for (const call of callsOf(file)) {
    if (!isInside(file, call.node, unit)) continue;
    const sink = sinks.find(({ pattern, when }) => pattern.test(call.callee) && (when?.(file, call) ?? true));
    if (!sink || sink.guard.test(text) || !call.args.slice(0, 3).some((arg) => mentions(tree, arg, tainted))) continue;
    yield {
      node: call.node,
      message: `an argument of the tool "${tool}" reaches ${sink.kind} through ${call.callee} unchecked`,
    };
  }
}
